//! The modes of the database's files: 0600, independently of the umask.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The mode of a private file.
const PRIVATE: u32 = 0o600;

/// Creates the file with mode 600 if it is missing, and restricts it, its log and its index to the owner. `SQLite` gives
/// the log and the index the mode of the file (`SQLite`, "Write-Ahead Logging").
///
/// # Errors
/// Fails if the file cannot be made.
pub(super) fn prepare(file: &Path) -> io::Result<()> {
    // sqlx spells databases in memory as URIs.
    if file.as_os_str().is_empty() || file.to_string_lossy().starts_with("file:") {
        return Ok(());
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(PRIVATE);
    match options.open(file) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for ending in ["", "-wal", "-shm", "-journal"] {
        close(&beside(file, ending));
    }
    Ok(())
}

fn close(file: &Path) {
    let Ok(kept) = fs::metadata(file) else {
        return;
    };
    let mode = kept.permissions().mode() & 0o777;
    if !kept.is_file() || mode & !PRIVATE == 0 {
        return;
    }
    let path = file.display();
    match fs::set_permissions(file, fs::Permissions::from_mode(mode & PRIVATE)) {
        Ok(()) => tracing::warn!(%path, "others could open the database; its mode is 600 now"),
        Err(error) => tracing::warn!(
            %path, %error,
            "others may open the database: run chmod 600 on it, as its owner"
        ),
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}
