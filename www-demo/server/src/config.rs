//! All settings, by environment variable.
//!
//! | variable | default | meaning |
//! | --- | --- | --- |
//! | `BIND` | `127.0.0.1` | the address that `PORT` and `API_PORT` are bound on |
//! | `PORT` | `8787` | the auth server and the page; 0 takes a free port |
//! | `API_PORT` | `8788` | the API, an origin of its own; 0 takes a free port |
//! | `METRICS_PORT` | none | `GET /metrics` for Prometheus, for your own network alone; 0 takes a free port |
//! | `METRICS_BIND` | `127.0.0.1` | the address that `METRICS_PORT` is bound on, whatever `BIND` is |
//! | `DATABASE_URL` | `sqlite://nolapse.db` | where sessions are kept; `postgres://user:password@host/name` for several servers |
//! | `DATABASE_URLS` | none | in place of `DATABASE_URL`, several PostgreSQL databases that share the sessions: `0=postgres://…,1=postgres://…`; shard 0 has the users too; `1x3=` gets three times as many new sessions, `1x0=` none, and `1=` without a URL is gone |
//! | `DATABASE_CONNECTIONS` | `8` | 1 to 500: how many connections to PostgreSQL at most, to each database |
//! | `DATABASE_POOLER` | `none` | `transaction` for a PostgreSQL behind PgBouncer in transaction mode |
//! | `KEY_FILE` | `nolapse.keys` | what opens the server's keys, made at the first start, mode 600; servers on one database need copies of one file |
//! | `KEY_WAIT_SECONDS` | `600` | 0 to 86,400: how long a signing key is published before it signs; verifiers keep key sets for 300 |
//! | `KEY_ROTATION_SECONDS` | `2592000` | 0 to 31,536,000: how long a signing key signs; 0 rotates by command alone |
//! | `SIGNING_ALG` | `ES256` | `ES256`, `EdDSA`, `Ed25519` (the same signatures under the name of RFC 9864) or `RS256`: what access tokens are signed with; another one is a rotation of keys, within twice `KEY_WAIT_SECONDS`; the same for all servers of a database |
//! | `ISSUER` | `http://localhost:PORT` | `iss` of access tokens: the auth server's origin |
//! | `AUDIENCE` | `http://localhost:API_PORT` | `aud` of access tokens: the API's origin |
//! | `ALLOWED_ORIGINS` | `http://localhost:PORT,http://127.0.0.1:PORT` | origins of pages that may call; in an `https` host one `*` stands for a part of one label |
//! | `COOKIE_SAME_SITE` | `strict` | `none` for an app on another site, or embedded in one: cookies are then `SameSite=None; Partitioned` |
//! | `HINT_COOKIE_DOMAIN` | none | the domain on which pages can read that there may be a session; none is the auth server's own host |
//! | `PAGE_COOKIE` | `0` | `1` sets an `HttpOnly` cookie with the access token beside the refresh cookie, for servers that render pages of the auth server's own host |
//! | `DEVICE_BINDING` | `1` | `0` begins sessions that are bound to no key, whatever the page wants: for pages of several origins that share a session, and for saved browser states in tests; a session that is bound stays so |
//! | `DBSC` | `0` | `1` asks browsers that know Device Bound Session Credentials to register a key of their own for each session that begins with `COOKIE_SAME_SITE=strict`; a session whose key was proved needs it for good |
//! | `DBSC_COOKIE_SECONDS` | `600` | 1 to 3,600: the life of the bound cookie, after which such a browser proves its key again; browsers limit how often, so 300 or more |
//! | `ACCOUNT_PATHS` | none | names such as `work,private`, at most 20: each has the auth server again below its path, `ISSUER/work`, with a cookie of its own, for several accounts in one browser |
//! | `SERVER_SECRETS` | none | secrets of at least 32 characters each, separated by commas, by which servers of yours, such as renderers and APIs, authenticate; without it what is for servers answers 404 |
//! | `NOTICES_URL` | none | where a notice of each change of how a user signs in is posted, for a mailer of yours: `https`, or `http` on this machine |
//! | `NOTICES_SECRET` | none | at least 32 characters: the bearer token of those requests |
//! | `OIDC_PROVIDERS` | none | names such as `keycloak,auth0`, at most 20, of OpenID Connect providers that users may sign in through; the page must be on the auth server's own site |
//! | `OIDC_NAME_ISSUER` | none | the issuer of the provider `name`, as its discovery document spells it; `NAME` is the name in upper case, with `_` for `-` |
//! | `OIDC_NAME_CLIENT_ID` | none | the `client_id` of this server there; its redirect URI is `ISSUER/auth/providers/name/callback` |
//! | `OIDC_NAME_CLIENT_SECRET` | none | the client's secret; this, a file of it or a private key is required |
//! | `OIDC_NAME_CLIENT_SECRET_FILE` | none | a file with the secret |
//! | `OIDC_NAME_PRIVATE_KEY_FILE` | none | a key of P-256, RSA or Ed25519 in PEM (PKCS #8), for `private_key_jwt` in place of a secret |
//! | `OIDC_NAME_KEY_ID` | none | the `kid` that the provider knows that key by |
//! | `OIDC_NAME_KEY_AUDIENCE` | `issuer` | `token_endpoint` for a provider that takes no other `aud` of that key's assertions |
//! | `OIDC_NAME_SCOPES` | `openid email` | what is asked for; in the mode `mediate` also `offline_access` |
//! | `OIDC_NAME_MODE` | `own` | `own`: access tokens of this server; `mediate`: those of the provider, for APIs that trust it already |
//! | `OIDC_NAME_LABEL` | the name | the text of a button |
//! | `OIDC_NAME_PARAMETERS` | none | further parameters of the authorization request, as in a query: `audience=https%3A%2F%2Fapi.example.com` |
//! | `OIDC_NAME_POST_LOGOUT_REDIRECT_URI` | none | where the provider sends the browser after a sign-out there |
//! | `OIDC_NAME_ROOT_CERTIFICATES` | none | a file of certificates in PEM, to trust in place of the system's |
//! | `SITE_DIR` | none | a folder of static files to serve on `PORT` |
//! | `TOKEN_LIFE_SECONDS` | `60` | 1 to 86,400: the life of an access token, and so the bound of a revocation |
//! | `GRACE_SECONDS` | `30` | 0 to 600: how long a replaced refresh secret yields the newest one although its successor was used, for requests that overlap; lost responses need none |
//! | `IDLE_SECONDS` | `86400` | 1 to 31,536,000: the life of a session without declared activity |
//! | `ABSOLUTE_SECONDS` | `2592000` | 1 to 31,536,000: the life of a session whatever happens |
//! | `SESSIONS_PER_USER` | `20` | 1 to 1,000: the session seen longest ago ends when a user signs in once more |
//! | `SIGN_UP` | `1` | `0` closes sign-up, which reveals whether an address has an account; accounts are then made by `nolapse-server users add` |
//! | `WEBAUTHN_RP_ID` | the host of `ISSUER` | the domain that passkeys are bound to: the host of each page that uses them, or a parent of it; another one makes all of them useless |
//! | `PASSWORDS_PER_ACCOUNT` | `10` | 0 to 10,000: how many wrong passwords are let through in five minutes for one account from one address (IPv6: /64); ten times as many for the account, and from the address; 0 is no limit |
//! | `REFRESHES_PER_MINUTE` | `120` | 0 to 100,000: how often one session may be refreshed; 0 is no limit |
//! | `NOTES_PER_MINUTE` | `120` | 0 to 100,000: how many notes one user may write in a minute; 0 is no limit |
//! | `NOTES_PER_USER` | `1000` | 1 to 1,000,000: how many notes one user may keep |
//! | `AUDIT_DAYS` | `90` | 1 to 3,650: how many days the record of an ended session is kept; it goes with its account |
//! | `CONNECTIONS` | `10000` | 8 to 1,000,000: how many connections at most, as far as the limit of open files allows; half of them may be push streams |
//! | `CONNECTIONS_PER_ADDRESS` | `500` | 0 to 10,000: how many connections one IPv4 address or IPv6 /64 may hold; one more ends the one that lay idle longest; 0 is no limit, and so is a trusted proxy |
//! | `REQUEST_TIMEOUT_SECONDS` | `30` | 1 to 600: how long a request may take, a connection may lie idle, and a client may leave an answer unread |
//! | `RECENT_SIGN_IN_SECONDS` | `300` | 1 to 86,400: how long after a sign-in or a step-up an account may be deleted, and passkeys and one-time passwords changed |
//! | `TRUSTED_PROXIES` | `0` | 0 to 8: how many proxies of yours add to `X-Forwarded-For` |
//! | `PASSWORD_MEMORY_KIB` | `19456` | 64 to 1,048,576: the memory that one Argon2id hash takes; below 7,168 is for tests |
//! | `LOG` | `info` | `error`, `warn`, `info`, `debug` or `off` |
//! | `LOG_FORMAT` | `json` | `json` or `text`, on standard error |
//! | `SECURITY_LOG` | `nolapse-security.log` | a file that is appended to, `stderr` or `off`: sign-ins, failures, changes and revocations, one JSON object a line |
//! | `OPENAPI` | `1` | `0` answers `GET /openapi.json` with 404, on both origins |
//! | `DEV_TLS` | `0` | `1` serves `PORT` and `API_PORT` over TLS, with a self-signed certificate for `localhost` beside `KEY_FILE`: for development, where Safari stores no `Secure` cookie without TLS |
//! | `DEMO` | `0` | `1` opens `/demo/…`, with which anybody can break the server: never in production |

mod addresses;
mod bounds;
mod cookies;
mod database;
mod defaults;
mod notices;
mod operations;
mod passkeys;
mod providers;
mod reader;
mod servers;
#[cfg(test)]
mod tests;
mod transport;

use std::{net::IpAddr, path::PathBuf, time::Duration};

pub use cookies::SameSite;
pub(crate) use cookies::check_account_paths;
pub use notices::Notices;
pub(crate) use passkeys::host_of;
pub(crate) use providers::check_providers;
pub use providers::{ClientCredential, KeyAudience, ProviderConfig, ProviderMode, ProviderSecret};
pub use reader::ConfigError;
pub use servers::ServerSecrets;
pub use transport::Transport;

use reader::{Bounded, Reader, refuse};

use crate::{
    domain::Limits,
    security_log::Destination,
    store::{Pooler, ShardUrls, is_postgres},
    verifier::Algorithm,
};

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// All settings. [`Config::from_environment`] reads them; [`Config::default`] has the defaults, but no security log.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a variable that is 0 or 1"
)]
#[derive(Clone, Debug)]
pub struct Config {
    /// `BIND`.
    pub bind: IpAddr,
    /// `PORT`.
    pub port: u16,
    /// `API_PORT`.
    pub api_port: u16,
    /// `METRICS_PORT`.
    pub metrics_port: Option<u16>,
    /// `METRICS_BIND`.
    pub metrics_bind: IpAddr,
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `DATABASE_URLS`: then `database_url` is not read.
    pub database_urls: Option<ShardUrls>,
    /// `DATABASE_CONNECTIONS`.
    pub database_connections: u32,
    /// `DATABASE_POOLER`.
    pub database_pooler: Pooler,
    /// `KEY_FILE`.
    pub key_file: PathBuf,
    /// `KEY_WAIT_SECONDS`.
    pub key_wait: Duration,
    /// `KEY_ROTATION_SECONDS`; `None` is 0.
    pub key_rotation: Option<Duration>,
    /// `SIGNING_ALG`.
    pub signing_algorithm: Algorithm,
    /// `ISSUER`.
    pub issuer: Option<String>,
    /// `AUDIENCE`.
    pub audience: Option<String>,
    /// `ALLOWED_ORIGINS`.
    pub allowed_origins: Option<Vec<String>>,
    /// `COOKIE_SAME_SITE`.
    pub cookie_same_site: SameSite,
    /// `HINT_COOKIE_DOMAIN`.
    pub hint_cookie_domain: Option<String>,
    /// `PAGE_COOKIE`.
    pub page_cookie: bool,
    /// `DEVICE_BINDING`.
    pub device_binding: bool,
    /// `DBSC`.
    pub dbsc: bool,
    /// `DBSC_COOKIE_SECONDS`.
    pub bound_cookie_lifetime: Duration,
    /// `ACCOUNT_PATHS`.
    pub account_paths: Vec<String>,
    /// `SERVER_SECRETS`.
    pub server_secrets: ServerSecrets,
    /// `NOTICES_URL` and `NOTICES_SECRET`.
    pub notices: Option<Notices>,
    /// `OIDC_PROVIDERS`, and what there is of each.
    pub providers: Vec<ProviderConfig>,
    /// `SITE_DIR`.
    pub site_dir: Option<PathBuf>,
    /// `TOKEN_LIFE_SECONDS`.
    pub token_lifetime: Duration,
    /// `GRACE_SECONDS`, `IDLE_SECONDS`, `ABSOLUTE_SECONDS` and `SESSIONS_PER_USER`.
    pub limits: Limits,
    /// `SIGN_UP`.
    pub sign_up: bool,
    /// `WEBAUTHN_RP_ID`.
    pub webauthn_rp_id: Option<String>,
    /// `PASSWORDS_PER_ACCOUNT`.
    pub passwords_per_account: u32,
    /// `REFRESHES_PER_MINUTE`.
    pub refreshes_per_minute: u32,
    /// `NOTES_PER_MINUTE`.
    pub notes_per_minute: u32,
    /// `NOTES_PER_USER`.
    pub notes_per_user: u32,
    /// `AUDIT_DAYS`.
    pub audit_kept: Duration,
    /// `CONNECTIONS`.
    pub connections: usize,
    /// `CONNECTIONS_PER_ADDRESS`; `None` is 0.
    pub connections_per_address: Option<usize>,
    /// `REQUEST_TIMEOUT_SECONDS`.
    pub request_timeout: Duration,
    /// `RECENT_SIGN_IN_SECONDS`.
    pub recent_sign_in: Duration,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: usize,
    /// `PASSWORD_MEMORY_KIB`.
    pub password_memory_kib: u32,
    /// `LOG`; `None` is off.
    pub log: Option<tracing::Level>,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `SECURITY_LOG`.
    pub security_log: Destination,
    /// `OPENAPI`.
    pub openapi: bool,
    /// `DEV_TLS`.
    pub transport: Transport,
    /// `DEMO`.
    pub demo: bool,
}

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Fails for the first invalid variable, with its name and the expected form.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the settings from `variable`, a function of their names.
    ///
    /// # Errors
    /// Fails for the first invalid variable, with its name and the expected form.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = Reader(variable);
        let config = Self::default().with_addresses(&read)?.with_cookies(&read)?;
        let config = config.with_servers(&read)?.with_passkeys(&read)?;
        let config = config.with_providers(&read)?.with_notices(&read)?;
        let config = config.with_database_and_keys(&read)?;
        let config = config.with_sessions(&read)?;
        let config = config.with_abuse_limits(&read)?.with_bounds(&read)?;
        let config = config.with_logs(&read)?.with_operations(&read)?;
        config.check()?;
        Ok(config)
    }

    fn with_sessions(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let day = "whole seconds, 1 to 86400";
        Ok(Self {
            token_lifetime: read.seconds(
                Bounded("TOKEN_LIFE_SECONDS", 1..=86_400, day),
                self.token_lifetime,
            )?,
            limits: read.limits(self.limits)?,
            recent_sign_in: read.seconds(
                Bounded("RECENT_SIGN_IN_SECONDS", 1..=86_400, day),
                self.recent_sign_in,
            )?,
            sign_up: read.switch("SIGN_UP", self.sign_up)?,
            ..self
        })
    }

    fn with_abuse_limits(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            passwords_per_account: read.number(
                Bounded(
                    "PASSWORDS_PER_ACCOUNT",
                    0..=10_000,
                    "a number, 0 to 10000; 0 is no limit",
                ),
                self.passwords_per_account,
            )?,
            refreshes_per_minute: read.rate("REFRESHES_PER_MINUTE", self.refreshes_per_minute)?,
            request_timeout: read.seconds(
                Bounded(
                    "REQUEST_TIMEOUT_SECONDS",
                    1..=600,
                    "whole seconds, 1 to 600",
                ),
                self.request_timeout,
            )?,
            trusted_proxies: read.count(
                Bounded("TRUSTED_PROXIES", 0..=8, "a number of proxies, 0 to 8"),
                self.trusted_proxies,
            )?,
            password_memory_kib: read.number(
                Bounded("PASSWORD_MEMORY_KIB", 64..=1_048_576, "KiB, 64 to 1048576"),
                self.password_memory_kib,
            )?,
            ..self
        })
    }

    fn with_logs(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            log: read.log(self.log)?,
            log_format: read.log_format()?,
            transport: Transport::read(read, self.transport)?,
            demo: read.switch("DEMO", self.demo)?,
            ..self
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.check_addresses()?;
        if !self.database_url.starts_with("sqlite:") && !is_postgres(&self.database_url) {
            return refuse("DATABASE_URL", "sqlite://PATH or postgres://USER@HOST/NAME");
        }
        let is_file = self.database_urls.is_none() && !is_postgres(&self.database_url);
        if self.database_pooler == Pooler::Transaction && is_file {
            return refuse("DATABASE_POOLER", "none: DATABASE_URL is a file");
        }
        Ok(())
    }
}
