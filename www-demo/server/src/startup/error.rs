//! Errors at start, each with its remedy.

use std::{fmt, io, path::PathBuf};

use crate::{
    config::ConfigError,
    keys::{KeyError, RingError},
    origins::OriginError,
    providers::ProviderSetupError,
    store::{OpenError, is_postgres},
};

/// Why a server did not start. `Display` includes the remedy.
#[derive(Debug)]
pub enum StartError {
    /// A port is taken or may not be bound.
    Port {
        /// `PORT` or `API_PORT`.
        variable: &'static str,
        /// Its value.
        port: u16,
        /// The system's error.
        cause: io::Error,
    },
    /// The database cannot be opened.
    Database {
        /// The value of `DATABASE_URL`, without credentials.
        url: String,
        /// The database's error.
        cause: OpenError,
    },
    /// The databases of `DATABASE_URLS` cannot be opened.
    Shards(OpenError),
    /// The key file cannot be used.
    Keys {
        /// The value of `KEY_FILE`.
        file: String,
        /// Why.
        cause: KeyError,
    },
    /// The signing keys cannot be read from the database.
    SigningKeys(RingError),
    /// Password hashes need more memory than there is.
    Passwords,
    /// `ALLOWED_ORIGINS` has something that cannot be the origin of a page.
    Origin(OriginError),
    /// A setting that has no default here: `ISSUER` or `AUDIENCE`.
    Missing(&'static str),
    /// A setting has another form than it must have.
    Setting(ConfigError),
    /// An identity provider cannot be used as it is set up.
    Provider {
        /// Its name.
        provider: String,
        /// Why.
        cause: ProviderSetupError,
    },
    /// The certificate of `DEV_TLS` cannot be used.
    DevTls {
        /// The folder of `KEY_FILE`, where it is.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The security log cannot be written.
    SecurityLog(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port {
                variable,
                port,
                cause,
            } => write!(
                formatter,
                "port {port} cannot be used ({cause}); stop what uses it, or set {variable} to \
                 another one, or to 0 for any free one"
            ),
            Self::Database {
                cause: OpenError::Shard(cause),
                ..
            }
            | Self::Shards(OpenError::Shard(cause)) => cause.fmt(formatter),
            Self::Shards(cause) => write!(
                formatter,
                "a database of DATABASE_URLS cannot be used ({cause}); {}",
                cause
                    .remedy()
                    .unwrap_or("start it, and look at the user, password, host and name there")
            ),
            Self::Database { url, cause } if is_postgres(url) => write!(
                formatter,
                "the database {url} cannot be used ({cause}); {}",
                cause.remedy().unwrap_or(
                    "start it, and look at the user, password, host and name in DATABASE_URL"
                )
            ),
            Self::Database { url, cause } => write!(
                formatter,
                "the database {url} cannot be opened ({cause}); make its file and folder \
                 writable, or set DATABASE_URL to another file"
            ),
            Self::Keys {
                file,
                cause: cause @ KeyError::File(_),
            } => write!(
                formatter,
                "the key file {file} cannot be used ({cause}); set KEY_FILE to a path that this \
                 user may read and write"
            ),
            Self::Keys { file, cause } => {
                write!(formatter, "the key file {file} cannot be used: {cause}")
            }
            Self::SigningKeys(cause) => cause.fmt(formatter),
            Self::Passwords => formatter
                .write_str("there is no memory for password hashes; lower PASSWORD_MEMORY_KIB"),
            Self::SecurityLog(cause) => write!(
                formatter,
                "the security log cannot be written ({cause}); set SECURITY_LOG to a file that \
                 this user may append to, or to stderr"
            ),
            Self::DevTls { folder, cause } => write!(
                formatter,
                "the certificate of DEV_TLS cannot be used ({cause}); remove dev-tls.crt and \
                 dev-tls.key from {}, and make that folder writable",
                folder.display()
            ),
            Self::Provider { provider, cause } => write!(
                formatter,
                "the provider {provider} cannot be used: {cause}; set its OIDC_…_PRIVATE_KEY_FILE"
            ),
            Self::Setting(cause) => cause.fmt(formatter),
            Self::Missing(setting) => write!(formatter, "{setting} must be set"),
            Self::Origin(cause) => cause.fmt(formatter),
        }
    }
}

impl std::error::Error for StartError {}
