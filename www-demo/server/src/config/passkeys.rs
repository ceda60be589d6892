//! Settings for passkeys.

use super::{
    Config, ConfigError,
    reader::{Reader, refuse},
};

/// The expected form of `WEBAUTHN_RP_ID`.
const RP_ID: &str = "a domain such as example.com in lower case, without scheme and port: the host of each page that \
     uses passkeys, or a parent of it";

impl Config {
    pub(super) fn with_passkeys(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let Some(id) = read.text("WEBAUTHN_RP_ID") else {
            return Ok(self);
        };
        if !is_domain(&id) {
            return refuse("WEBAUTHN_RP_ID", RP_ID);
        }
        Ok(Self {
            webauthn_rp_id: Some(id),
            ..self
        })
    }
}

/// Returns the host of an origin, which passkeys are bound to without the setting.
pub(crate) fn host_of(origin: &str) -> &str {
    let (_, authority) = origin.split_once("://").unwrap_or_default();
    authority.split(':').next().unwrap_or_default()
}

/// Returns whether a text is a valid domain (`WebAuthn` Level 3 §5.1.3), which an IP address is not.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_address = last.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253 && !is_address && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rp_id_is_a_domain() {
        for id in ["example.com", "localhost", "a-b.example"] {
            assert!(is_domain(id), "{id}");
        }
        let ill = [
            "",
            "Example.com",
            "https://example.com",
            "example.com:443",
            "127.0.0.1",
            "a..b",
            "[::1]",
        ];
        for id in ill {
            assert!(!is_domain(id), "{id}");
        }
        assert_eq!(host_of("https://auth.example.com:8443"), "auth.example.com");
    }
}
