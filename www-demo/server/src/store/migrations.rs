//! The migrations of both databases, as part of the program.
//!
//! Read by `include_str!`: `sqlx::migrate!` would have the databases' drivers, `SQLite` among them, compiled a second
//! time for the compiler's own machine.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A migration's file by its name.
type File = (&'static str, &'static str);

/// The files of a database's folder.
macro_rules! files {
    ($database:literal: $($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../migrations/", $database, "/", $name, ".sql")))),+]
    };
}

const POSTGRES: &[File] = files!("postgres":
    "0001_sessions" "0002_signing_keys" "0003_prune" "0004_bounds" "0005_sign_in" "0006_siblings"
    "0007_contexts" "0008_revocations" "0009_authentication" "0010_device_binding" "0011_providers"
    "0012_passkeys" "0013_registered_keys" "0014_shards");

const SQLITE: &[File] = files!("sqlite":
    "0001_sessions" "0002_signing_keys" "0003_prune" "0004_bounds" "0005_sign_in" "0006_siblings"
    "0007_contexts" "0008_revocations" "0009_authentication" "0010_device_binding" "0011_providers"
    "0012_passkeys" "0013_registered_keys");

/// Those of `PostgreSQL`.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// Those of `SQLite`.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// Numbers and describes migrations by the names of their files, as sqlx does.
fn migrator(files: &[File]) -> Migrator {
    let migrations = files.iter().map(|(name, sql)| {
        let (number, description) = name.split_once('_').unwrap_or_default();
        let version = number.parse().unwrap_or_default();
        let kind = MigrationType::Simple;
        let sql = sql.into_sql_str();
        Migration::new(
            version,
            description.replace('_', " ").into(),
            kind,
            sql,
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn each_file_is_a_migration_of_its_number() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        for (database, files) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let entries = fs::read_dir(folder.join(database)).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            let known: Vec<_> = files
                .iter()
                .map(|(name, _)| format!("{name}.sql"))
                .collect();
            assert_eq!(names, known);
            for (name, migration) in known.iter().zip(migrator(files).iter()) {
                assert!(name.starts_with(&format!("{:04}_", migration.version)));
            }
        }
    }
}
