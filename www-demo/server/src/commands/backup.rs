//! `nolapse-server backup FOLDER`: a consistent copy of the `SQLite` database and of its key file, while servers
//! run.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nolapse_server::{
    config::Config,
    keys::KeyError,
    serve::{self, StartError},
    store,
};

use super::{Failure, Refused, print};

/// The copies' names, whatever the settings call the originals.
const DATABASE: &str = "nolapse.db";
const KEY_FILE: &str = "nolapse.keys";

/// Writes both into a new folder, and opens the copy with its keys before the folder gets its name: a folder that
/// is there is whole.
pub(super) async fn run(config: &Config, folder: &Path) -> Result<(), Failure> {
    if config.database_urls.is_some() || store::is_postgres(&config.database_url) {
        return Err(Refused(
            "PostgreSQL is backed up by pg_dump, and the key file by a copy: docs/operations.md \
             has the commands",
        )
        .into());
    }
    if folder.exists() {
        return Err(Refused("the folder exists; name one that does not").into());
    }
    let mut unfinished = OsString::from(folder);
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::DirBuilder::new().mode(0o700).create(&unfinished)?;
    if let Err(failure) = fill(config, &unfinished).await {
        fs::remove_dir_all(&unfinished)?;
        return Err(failure);
    }
    fs::rename(&unfinished, folder)?;
    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    print(format!(
        "{} has {DATABASE} and {KEY_FILE}",
        folder.display()
    ))
}

async fn fill(config: &Config, folder: &Path) -> Result<(), Failure> {
    let keys = read_keys(config)?;
    let (database, key_file) = (folder.join(DATABASE), folder.join(KEY_FILE));
    private(&key_file)?.write_all(&keys)?;
    // Made here, so that it never has a wider mode; SQLite fills an empty file.
    private(&database)?;
    store::copy_sqlite(&config.database_url, &database).await?;
    if read_keys(config)? != keys {
        return Err(Refused("the key file was changed meanwhile; run this again").into());
    }
    let copy = Config {
        database_url: format!("sqlite://{}", database.display()),
        key_file: key_file.clone(),
        ..config.clone()
    };
    let store = serve::open_store(&copy).await?;
    let opened = serve::open_keys(&copy, store.clone()).await;
    store.close().await;
    opened?;
    for path in [&*database, &*key_file, folder] {
        fs::File::open(path)?.sync_all()?;
    }
    Ok(())
}

fn read_keys(config: &Config) -> Result<Vec<u8>, StartError> {
    fs::read(&config.key_file).map_err(|cause| StartError::Keys {
        file: config.key_file.display().to_string(),
        cause: KeyError::File(cause),
    })
}

fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path)
}
