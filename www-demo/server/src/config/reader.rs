//! Reads and checks one variable at a time.

use std::{borrow::Cow, fmt, ops::RangeInclusive, time::Duration};

use super::LogFormat;
use crate::{
    domain::Limits,
    origins::{AllowedOrigins, is_web_origin},
};

const SECONDS_PER_DAY: u64 = 86_400;

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub variable: Cow<'static, str>,
    /// The expected form.
    pub expected: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} must be {}", self.variable, self.expected)
    }
}

impl std::error::Error for ConfigError {}

/// A number's variable, range and expected form.
pub(super) struct Bounded(
    pub(super) &'static str,
    pub(super) RangeInclusive<u32>,
    pub(super) &'static str,
);

/// Reads variables from a function of their names.
pub(super) struct Reader<F>(pub(super) F);

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|text| !text.is_empty())
    }

    pub(super) fn parsed<T: std::str::FromStr>(
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

    pub(super) fn number(&self, setting: Bounded, default: u32) -> Result<u32, ConfigError> {
        let Bounded(variable, range, expected) = setting;
        let number = self.parsed(variable, expected, default)?;
        if range.contains(&number) {
            Ok(number)
        } else {
            refuse(variable, expected)
        }
    }

    /// Reads how often something may happen in a minute.
    pub(super) fn rate(&self, variable: &'static str, default: u32) -> Result<u32, ConfigError> {
        let expected = "a number, 0 to 100000; 0 is no limit";
        self.number(Bounded(variable, 0..=100_000, expected), default)
    }

    pub(super) fn count(&self, setting: Bounded, default: usize) -> Result<usize, ConfigError> {
        let default = u32::try_from(default).unwrap_or(u32::MAX);
        let Bounded(variable, _, expected) = setting;
        let count = self.number(setting, default)?;
        usize::try_from(count).or_else(|_| refuse(variable, expected))
    }

    pub(super) fn seconds(
        &self,
        setting: Bounded,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        let default = u32::try_from(default.as_secs()).unwrap_or(u32::MAX);
        let seconds = self.number(setting, default)?;
        Ok(Duration::from_secs(seconds.into()))
    }

    pub(super) fn days(
        &self,
        setting: Bounded,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        let default = u32::try_from(default.as_secs() / SECONDS_PER_DAY).unwrap_or(u32::MAX);
        let days = self.number(setting, default)?;
        Ok(Duration::from_secs(u64::from(days) * SECONDS_PER_DAY))
    }

    pub(super) fn limits(&self, default: Limits) -> Result<Limits, ConfigError> {
        let year = 1..=31_536_000;
        let text = "whole seconds, 1 to 31536000";
        Ok(Limits {
            grace: self.seconds(
                Bounded("GRACE_SECONDS", 0..=600, "whole seconds, 0 to 600"),
                default.grace,
            )?,
            idle: self.seconds(Bounded("IDLE_SECONDS", year.clone(), text), default.idle)?,
            absolute: self.seconds(Bounded("ABSOLUTE_SECONDS", year, text), default.absolute)?,
            sessions_per_user: self.count(
                Bounded(
                    "SESSIONS_PER_USER",
                    1..=1_000,
                    "a number of sessions, 1 to 1000",
                ),
                default.sessions_per_user,
            )?,
        })
    }

    pub(super) fn origin(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        match self.text(variable) {
            Some(text) if is_web_origin(&text) => Ok(Some(text)),
            Some(_) => refuse(variable, "an origin such as https://auth.example.com"),
            None => Ok(None),
        }
    }

    pub(super) fn origins(
        &self,
        variable: &'static str,
    ) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(text) = self.text(variable) else {
            return Ok(None);
        };
        let origins: Vec<String> = text.split(',').map(|one| one.trim().to_owned()).collect();
        match AllowedOrigins::parse(origins.iter().map(String::as_str)) {
            Ok(_) => Ok(Some(origins)),
            Err(error) => refuse(variable, error.expected()),
        }
    }

    pub(super) fn log(
        &self,
        default: Option<tracing::Level>,
    ) -> Result<Option<tracing::Level>, ConfigError> {
        let expected = "error, warn, info, debug or off";
        match self.text("LOG").as_deref() {
            None => Ok(default),
            Some("off") => Ok(None),
            Some("trace") => refuse("LOG", expected),
            Some(level) => level.parse().map(Some).or_else(|_| refuse("LOG", expected)),
        }
    }

    pub(super) fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.text("LOG_FORMAT").as_deref() {
            None | Some("json") => Ok(LogFormat::Json),
            Some("text") => Ok(LogFormat::Text),
            Some(_) => refuse("LOG_FORMAT", "json or text"),
        }
    }

    pub(super) fn switch(
        &self,
        variable: &'static str,
        default: bool,
    ) -> Result<bool, ConfigError> {
        match self.text(variable).as_deref() {
            None => Ok(default),
            Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => refuse(variable, "0 or 1"),
        }
    }
}

pub(super) fn refuse<T>(
    variable: impl Into<Cow<'static, str>>,
    expected: &'static str,
) -> Result<T, ConfigError> {
    Err(ConfigError {
        variable: variable.into(),
        expected,
    })
}
