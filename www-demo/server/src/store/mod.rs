//! Databases behind the domain's store.

mod rows;
mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
