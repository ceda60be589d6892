//! Every setting, read in one place.
//!
//! | variable | default | meaning |
//! | --- | --- | --- |
//! | `BIND` | `127.0.0.1` | the address that both ports are bound on |
//! | `PORT` | `8787` | the auth server and the page; 0 takes a free port |
//! | `API_PORT` | `8788` | the API, an origin of its own; 0 takes a free port |
//! | `DATABASE_URL` | `sqlite://nolapse.db` | where sessions are kept; `postgres://user:password@host/name` for several servers |
//! | `DATABASE_CONNECTIONS` | `8` | 1 to 500: how many connections to PostgreSQL at most |
//! | `KEY_FILE` | `nolapse.keys` | the server's keys, made at the first start, mode 600 |
//! | `ISSUER` | `http://localhost:PORT` | `iss` of access tokens: the auth server's origin |
//! | `AUDIENCE` | `http://localhost:API_PORT` | `aud` of access tokens: the API's origin |
//! | `ALLOWED_ORIGINS` | `http://localhost:PORT,http://127.0.0.1:PORT` | exact origins of pages that may call |
//! | `SITE_DIR` | none | a folder of static files to serve on `PORT` |
//! | `TOKEN_LIFE_SECONDS` | `60` | 1 to 86,400: the life of an access token, and so the bound of a revocation |
//! | `GRACE_SECONDS` | `30` | 0 to 600: how long a replaced refresh secret yields its successor; it should cover the client's deadline, a back-off and one more deadline |
//! | `IDLE_SECONDS` | `86400` | 1 to 31,536,000: the life of a session without declared activity |
//! | `ABSOLUTE_SECONDS` | `2592000` | 1 to 31,536,000: the life of a session whatever happens |
//! | `PASSWORD_MEMORY_KIB` | `19456` | 64 to 1,048,576: the memory that one Argon2id hash takes; below 7,168 is for tests |
//! | `LOG` | `info` | `error`, `warn`, `info`, `debug` or `off` |
//! | `LOG_FORMAT` | `json` | `json` or `text`, on standard error |
//! | `DEMO` | `0` | `1` opens `/demo/…`, with which anybody can break the server: never in production |

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use crate::{domain::Limits, store::is_postgres};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// All settings. [`Config::from_environment`] reads them, [`Config::default`] has the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BIND`.
    pub bind: IpAddr,
    /// `PORT`.
    pub port: u16,
    /// `API_PORT`.
    pub api_port: u16,
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `DATABASE_CONNECTIONS`.
    pub database_connections: u32,
    /// `KEY_FILE`.
    pub key_file: PathBuf,
    /// `ISSUER`.
    pub issuer: Option<String>,
    /// `AUDIENCE`.
    pub audience: Option<String>,
    /// `ALLOWED_ORIGINS`.
    pub allowed_origins: Option<Vec<String>>,
    /// `SITE_DIR`.
    pub site_dir: Option<PathBuf>,
    /// `TOKEN_LIFE_SECONDS`.
    pub token_life: Duration,
    /// `GRACE_SECONDS`, `IDLE_SECONDS` and `ABSOLUTE_SECONDS`.
    pub limits: Limits,
    /// `PASSWORD_MEMORY_KIB`.
    pub password_memory_kib: u32,
    /// `LOG`; `None` is off.
    pub log: Option<tracing::Level>,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `DEMO`.
    pub demo: bool,
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What it must be.
    pub expected: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} must be {}", self.variable, self.expected)
    }
}

impl std::error::Error for ConfigError {}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([127, 0, 0, 1]),
            port: 8787,
            api_port: 8788,
            database_url: "sqlite://nolapse.db".to_owned(),
            database_connections: 8,
            key_file: PathBuf::from("nolapse.keys"),
            issuer: None,
            audience: None,
            allowed_origins: None,
            site_dir: None,
            token_life: Duration::from_mins(1),
            limits: Limits::default(),
            password_memory_kib: 19_456,
            log: Some(tracing::Level::INFO),
            log_format: LogFormat::Json,
            demo: false,
        }
    }
}

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Names the first variable that makes no sense and what it must be.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the settings from `variable`, which is asked for each name.
    ///
    /// # Errors
    /// Names the first variable that makes no sense and what it must be.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = Reader(variable);
        let default = Self::default();
        let config = Self {
            bind: read.parsed("BIND", "an IP address", default.bind)?,
            port: read.parsed("PORT", "a port, 0 to 65535", default.port)?,
            api_port: read.parsed("API_PORT", "a port, 0 to 65535", default.api_port)?,
            database_url: read.text("DATABASE_URL").unwrap_or(default.database_url),
            database_connections: read.number(
                "DATABASE_CONNECTIONS",
                1..=500,
                "a number of connections, 1 to 500",
                default.database_connections,
            )?,
            key_file: read
                .text("KEY_FILE")
                .map_or(default.key_file, PathBuf::from),
            issuer: read.origin("ISSUER")?,
            audience: read.origin("AUDIENCE")?,
            allowed_origins: read.origins("ALLOWED_ORIGINS")?,
            site_dir: read.text("SITE_DIR").map(PathBuf::from),
            token_life: read.seconds(
                "TOKEN_LIFE_SECONDS",
                1..=86_400,
                "whole seconds, 1 to 86400",
                default.token_life,
            )?,
            limits: read.limits(default.limits)?,
            password_memory_kib: read.number(
                "PASSWORD_MEMORY_KIB",
                64..=1_048_576,
                "KiB, 64 to 1048576",
                default.password_memory_kib,
            )?,
            log: read.log(default.log)?,
            log_format: read.log_format()?,
            demo: read.switch("DEMO")?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.port != 0 && self.port == self.api_port {
            return refuse(
                "API_PORT",
                "another port than PORT: the API is an origin of its own",
            );
        }
        if !self.database_url.starts_with("sqlite:") && !is_postgres(&self.database_url) {
            return refuse("DATABASE_URL", "sqlite://PATH or postgres://USER@HOST/NAME");
        }
        if self.site_dir.as_ref().is_some_and(|path| !path.is_dir()) {
            return refuse("SITE_DIR", "a folder that exists: build the page first");
        }
        Ok(())
    }
}

struct Reader<F>(F);

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn text(&self, name: &'static str) -> Option<String> {
        (self.0)(name).filter(|text| !text.is_empty())
    }

    fn parsed<T: std::str::FromStr>(
        &self,
        variable: &'static str,
        expected: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let Some(text) = self.text(variable) else {
            return Ok(default);
        };
        text.parse().or_else(|_| refuse(variable, expected))
    }

    fn number(
        &self,
        variable: &'static str,
        range: std::ops::RangeInclusive<u32>,
        expected: &'static str,
        default: u32,
    ) -> Result<u32, ConfigError> {
        let number = self.parsed(variable, expected, default)?;
        if range.contains(&number) {
            Ok(number)
        } else {
            refuse(variable, expected)
        }
    }

    fn seconds(
        &self,
        variable: &'static str,
        range: std::ops::RangeInclusive<u32>,
        expected: &'static str,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        let default = u32::try_from(default.as_secs()).unwrap_or(u32::MAX);
        let seconds = self.number(variable, range, expected, default)?;
        Ok(Duration::from_secs(seconds.into()))
    }

    fn limits(&self, default: Limits) -> Result<Limits, ConfigError> {
        let year = 1..=31_536_000;
        let text = "whole seconds, 1 to 31536000";
        Ok(Limits {
            grace: self.seconds(
                "GRACE_SECONDS",
                0..=600,
                "whole seconds, 0 to 600",
                default.grace,
            )?,
            idle: self.seconds("IDLE_SECONDS", year.clone(), text, default.idle)?,
            absolute: self.seconds("ABSOLUTE_SECONDS", year, text, default.absolute)?,
        })
    }

    fn origin(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        match self.text(variable) {
            Some(text) if is_origin(&text) => Ok(Some(text)),
            Some(_) => refuse(variable, "an origin such as https://auth.example.com"),
            None => Ok(None),
        }
    }

    fn origins(&self, variable: &'static str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(text) = self.text(variable) else {
            return Ok(None);
        };
        let origins: Vec<String> = text.split(',').map(|one| one.trim().to_owned()).collect();
        if origins.iter().all(|one| is_origin(one)) {
            return Ok(Some(origins));
        }
        refuse(
            variable,
            "exact origins with commas between, such as https://app.example.com; no *, no null, \
             no path, no slash at the end",
        )
    }

    fn log(&self, default: Option<tracing::Level>) -> Result<Option<tracing::Level>, ConfigError> {
        let expected = "error, warn, info, debug or off";
        match self.text("LOG").as_deref() {
            None => Ok(default),
            Some("off") => Ok(None),
            Some("trace") => refuse("LOG", expected),
            Some(level) => level.parse().map(Some).or_else(|_| refuse("LOG", expected)),
        }
    }

    fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.text("LOG_FORMAT").as_deref() {
            None | Some("json") => Ok(LogFormat::Json),
            Some("text") => Ok(LogFormat::Text),
            Some(_) => refuse("LOG_FORMAT", "json or text"),
        }
    }

    fn switch(&self, variable: &'static str) -> Result<bool, ConfigError> {
        match self.text(variable).as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => refuse(variable, "0 or 1"),
        }
    }
}

fn refuse<T>(variable: &'static str, expected: &'static str) -> Result<T, ConfigError> {
    Err(ConfigError { variable, expected })
}

/// Says whether a text is an origin as browsers spell it (RFC 6454 §6.1): scheme, host and port.
fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host
                .chars()
                .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | ':' | '[' | ']'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Config, ConfigError> {
        Config::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn nonsense_is_refused_by_the_name_of_the_variable() {
        let table = [
            ("BIND", "localhost"),
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("PORT", "8788"),
            ("DATABASE_URL", "mysql://somewhere"),
            ("DATABASE_CONNECTIONS", "0"),
            ("ISSUER", "auth.example.com"),
            ("AUDIENCE", "https://api.example.com/v1"),
            ("ALLOWED_ORIGINS", "*"),
            ("ALLOWED_ORIGINS", "null"),
            ("ALLOWED_ORIGINS", "https://a.example,https://b.example/"),
            ("SITE_DIR", "no such folder"),
            ("TOKEN_LIFE_SECONDS", "0"),
            ("TOKEN_LIFE_SECONDS", "86401"),
            ("TOKEN_LIFE_SECONDS", "1.5"),
            ("GRACE_SECONDS", "601"),
            ("IDLE_SECONDS", "0"),
            ("ABSOLUTE_SECONDS", "forever"),
            ("PASSWORD_MEMORY_KIB", "8"),
            ("LOG", "loud"),
            ("LOG_FORMAT", "xml"),
            ("DEMO", "yes"),
        ];
        for (name, value) in table {
            let error = read(name, value).expect_err(name);
            let blamed = if value == "8788" { "API_PORT" } else { name };
            assert_eq!(error.variable, blamed, "{name}={value}");
        }
    }

    #[test]
    fn every_variable_is_in_the_table_and_read() {
        let asked = std::cell::RefCell::new(Vec::new());
        Config::read(|name| {
            asked.borrow_mut().push(format!("//! | `{name}` |"));
            None
        })
        .expect("the defaults make sense");

        let source = include_str!("config.rs");
        let rows = source.lines().filter(|line| line.starts_with("//! | `"));
        assert_eq!(rows.count(), asked.borrow().len());
        for row in asked.borrow().iter() {
            assert!(source.contains(row.as_str()), "{row} is missing");
        }
    }
}
