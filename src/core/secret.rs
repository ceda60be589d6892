//! A string that is redacted in logs, errors and traces.

use std::fmt;
use std::rc::Rc;

/// An access token.
///
/// Its `Debug` output is redacted; reading it requires [`expose`](Self::expose), which is easy to grep for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Rc<str>);

impl Secret {
    /// Creates it from a valid header value: visible ASCII only (RFC 6750 §2.1), at most 16 KiB; otherwise `None`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        const MAX_BYTES: usize = 16 * 1024;
        let fits = (1..=MAX_BYTES).contains(&text.len());
        let sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (fits && sendable).then(|| Self(text.into()))
    }

    /// Returns the token, for a header.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p31_debug_does_not_show_it() {
        let secret = Secret::new("eyJhbGciOiJFZDI1NTE5In0.e30.sig").expect("a token");

        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn what_cannot_be_a_header_is_refused() {
        for text in ["", "a b", "a\r\nb", "ä", "\u{7f}"] {
            assert_eq!(Secret::new(text), None, "{text:?}");
        }
        assert_eq!(Secret::new(&"a".repeat(16 * 1024 + 1)), None);
        assert!(Secret::new(&"a".repeat(16 * 1024)).is_some());
    }
}
