//! Goal: placeholder.
