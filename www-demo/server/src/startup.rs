//! Opens what the settings name: database, keys and security log.

mod error;

use std::{path::Path, sync::Arc};

pub use error::StartError;

use crate::{
    clock,
    config::{Config, Transport},
    dev_tls::DevTls,
    domain::Store,
    keys::{KeyRing, RingError},
    security_log::SecurityLog,
    store,
};

/// Opens the database of the settings and brings its tables up to date.
///
/// # Errors
/// Fails with the cause and the setting that remedies it.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    if let Some(urls) = &config.database_urls {
        let (connections, pooler) = (config.database_connections, config.database_pooler);
        let opened = store::open_shards(urls, connections, pooler).await;
        return opened.map_err(StartError::Shards);
    }
    let opened = store::open(
        &config.database_url,
        config.database_connections,
        config.database_pooler,
    )
    .await;
    opened.map_err(|cause| StartError::Database {
        url: without_credentials(&config.database_url),
        cause,
    })
}

/// Opens the keys of the settings, and creates them if they are missing.
///
/// # Errors
/// Fails with the cause and the setting that remedies it.
pub async fn open_keys(config: &Config, store: Arc<dyn Store>) -> Result<KeyRing, StartError> {
    let opened = KeyRing::open_file(clock::now(), store, &config.key_file, config.key_policy());
    opened.await.map_err(|error| match error {
        RingError::File(file, cause) => StartError::Keys {
            file: file.display().to_string(),
            cause,
        },
        error @ (RingError::Store(_)
        | RingError::Sealed
        | RingError::Lost(_)
        | RingError::Unmade
        | RingError::Contended) => StartError::SigningKeys(error),
    })
}

/// Opens the certificate for development, if the settings ask for one.
pub(crate) fn open_dev_tls(config: &Config) -> Result<Option<DevTls>, StartError> {
    if config.transport == Transport::Http {
        return Ok(None);
    }
    let folder = config.key_file.parent().unwrap_or(Path::new(""));
    let opened = DevTls::open(clock::now(), folder).map_err(|cause| StartError::DevTls {
        folder: folder.to_owned(),
        cause,
    })?;
    tracing::warn!(
        certificate = %opened.certificate.display(),
        "DEV_TLS=1: the certificate is self-signed, for development alone"
    );
    Ok(Some(opened))
}

/// Opens the security log of the settings.
///
/// # Errors
/// Fails with the cause and the setting that remedies it.
pub fn open_security_log(config: &Config) -> Result<SecurityLog, StartError> {
    SecurityLog::open(&config.security_log).map_err(StartError::SecurityLog)
}

/// Leaves out of a URL what stands before its host, and its query: there may be a password in them.
fn without_credentials(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (Some(_) | None, Some(_) | None) => url.to_owned(),
    }
}
