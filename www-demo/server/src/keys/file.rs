//! The key file: the secrets that are not in the database.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use base64ct::{Base64UrlUnpadded, Encoding};

use super::secrets::{Generation, Secrets};
use crate::clock;

/// Why the key file could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    File(io::Error),
    /// Others than the owner may read the file.
    TooOpen,
    /// The file holds something else.
    Malformed,
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(formatter),
            Self::TooOpen => formatter.write_str("others may read it; run chmod 600 on it"),
            Self::Malformed => formatter.write_str(
                "it is not a key file of this server; restore it from a backup, or run \
                 nolapse-server keys reset, which moves it aside, makes new keys and signs \
                 everybody out",
            ),
        }
    }
}

impl std::error::Error for KeyError {}

/// Reads the file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Secrets>, KeyError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(KeyError::Malformed);
        }
        Err(error) => return Err(KeyError::File(error)),
    };
    let mode = fs::metadata(path).map_err(KeyError::File)?.permissions();
    if mode.mode() & 0o077 != 0 {
        return Err(KeyError::TooOpen);
    }
    Secrets::parse(&text).map(Some).ok_or(KeyError::Malformed)
}

/// Creates the file with one generation of secrets, unless another process was first: written beside its path, then
/// linked (`link(2)`).
pub(super) fn make(path: &Path) -> Result<(), KeyError> {
    let secrets = Secrets::of(vec![Generation::generate(clock::now())]);
    let make = || {
        let beside = write_beside(path, &secrets.to_text())?;
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => sync_folder(path),
        }
    };
    make().map_err(KeyError::File)
}

/// Replaces the file atomically (`rename(2)`), for the same owner.
pub(super) fn replace(path: &Path, secrets: &Secrets) -> Result<(), KeyError> {
    let replace = || {
        // The file itself, if `path` is a link to it.
        let path = fs::canonicalize(path)?;
        let beside = write_beside(&path, &secrets.to_text())?;
        let (old, new) = (fs::metadata(&path)?, fs::metadata(&beside)?);
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            chown(&beside, Some(old.uid()), Some(old.gid()))?;
        }
        fs::rename(&beside, &path)?;
        sync_folder(&path)
    };
    replace().map_err(KeyError::File)
}

/// Moves the file aside, and returns its new name.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, KeyError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.old", clock::now().as_secs()));
    let aside = PathBuf::from(aside);
    fs::rename(path, &aside).map_err(KeyError::File)?;
    Ok(aside)
}

/// Creates or replaces a file with mode 600, atomically.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    fs::rename(write_beside(path, text)?, path)?;
    sync_folder(path)
}

fn write_beside(path: &Path, text: &str) -> io::Result<PathBuf> {
    let suffix = Base64UrlUnpadded::encode_string(&clock::random::<9>());
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{suffix}"));
    let beside = PathBuf::from(beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut opened = options.open(&beside)?;
    let written = opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all());
    if let Err(error) = written {
        fs::remove_file(&beside)?;
        return Err(error);
    }
    Ok(beside)
}

/// Creates a new directory entry durable (`fsync(2)`).
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
