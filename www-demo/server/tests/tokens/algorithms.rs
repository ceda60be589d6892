//! Signatures and keys of the four algorithms, and what one of them could be taken for.

use super::NOW;
