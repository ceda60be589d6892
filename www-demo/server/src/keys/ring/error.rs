//! Errors of signing keys, each with its remedy.

use std::{fmt, path::PathBuf};

use crate::{domain::StoreError, keys::KeyError};

/// Why the signing keys cannot be read.
#[derive(Debug)]
pub enum RingError {
    /// The database failed.
    Store(StoreError),
    /// They were encrypted with another key file.
    Sealed,
    /// The key file is missing, and the signing keys were encrypted with one.
    Lost(PathBuf),
    /// The key file cannot be used.
    File(PathBuf, KeyError),
    /// The operating system gave no random bytes for a key.
    Unmade,
    /// Too many lost races against other writers.
    Contended,
}

impl fmt::Display for RingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(formatter),
            Self::Sealed => formatter.write_str(
                "the signing keys in the database were sealed with another key file; set \
                 KEY_FILE to a copy of the one that the other servers use, or restore it from a \
                 backup; where it is lost, run nolapse-server keys reset, which makes new keys \
                 and signs everybody out",
            ),
            Self::Lost(file) => write!(
                formatter,
                "the key file {} is gone, and the signing keys in the database were sealed with \
                 it; restore it from a backup, or set KEY_FILE to where it is; where it is lost, \
                 run nolapse-server keys reset, which makes new keys and signs everybody out",
                file.display()
            ),
            Self::File(file, error) => write!(
                formatter,
                "the key file {} cannot be used ({error})",
                file.display()
            ),
            Self::Unmade => {
                formatter.write_str("the operating system gives no random bytes for a signing key")
            }
            Self::Contended => {
                formatter.write_str("other servers changed the signing keys meanwhile; try again")
            }
        }
    }
}

impl std::error::Error for RingError {}

impl From<StoreError> for RingError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
