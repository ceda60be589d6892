//! A string that is redacted in logs, errors and traces.

use std::fmt;
use std::rc::Rc;

use crate::wire::MAX_TOKEN_RESPONSE_BYTES;

use super::codec::FieldReader;

/// An access token, and those of contexts: an organisation, an audience (RFC 8707) or a role that a token is restricted to.
///
/// Its `Debug` output is redacted; reading it requires [`expose`](Self::expose), which is easy to grep for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Rc<str>);

/// What a token response has for a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextToken<'a> {
    /// An access token.
    Granted(&'a str),
    /// The auth server refuses this context to the user.
    Refused,
    /// Nothing: the context was not requested.
    Missing,
}

impl Secret {
    /// Separates names and tokens.
    pub(super) const SEPARATOR: &str = " ";

    /// Creates it from a token and pairs of a context and its token, all separated by spaces; the token of a context that is
    /// refused is empty. Returns `None` unless all is visible ASCII, as header values are (RFC 6750 §2.1), in at most 64 KiB.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= MAX_TOKEN_RESPONSE_BYTES;
        let sendable = text
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let is_begun = text.bytes().next().is_some_and(|byte| byte != b' ');
        (fits && sendable && is_begun).then(|| Self(text.into()))
    }

    /// Returns the text that it was created from; the token alone, if there are no contexts.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns what there is for this context.
    #[must_use]
    pub fn find(&self, context: &str) -> ContextToken<'_> {
        let mut fields = self.contexts();
        loop {
            let (name, token) = (fields.field(), fields.field());
            if name.is_empty() {
                return ContextToken::Missing;
            }
            if name == context {
                return if token.is_empty() {
                    ContextToken::Refused
                } else {
                    ContextToken::Granted(token)
                };
            }
        }
    }

    /// Appends the name of each context that has a token, and a space.
    pub(super) fn push_granted(&self, names: &mut String) {
        let mut fields = self.contexts();
        loop {
            let (name, token) = (fields.field(), fields.field());
            if name.is_empty() {
                return;
            }
            if !token.is_empty() {
                names.push_str(name);
                names.push_str(Self::SEPARATOR);
            }
        }
    }

    fn contexts(&self) -> FieldReader<'_> {
        let mut fields = FieldReader::new(&self.0, b' ');
        fields.field();
        fields
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
        for text in ["", " a b", "a\r\nb", "ä", "\u{7f}", "t a b\n"] {
            assert_eq!(Secret::new(text), None, "{text:?}");
        }
        assert_eq!(Secret::new(&"a".repeat(64 * 1024 + 1)), None);
        assert!(Secret::new(&"a".repeat(64 * 1024)).is_some());
    }

    #[test]
    fn a_context_is_found_by_its_whole_name() {
        let text = "a.b.c org_1 d.e.f org_10  https://api.example.com g.h.i";
        let tokens = Secret::new(text).expect("visible ASCII");

        assert_eq!(tokens.find("org_1"), ContextToken::Granted("d.e.f"));
        assert_eq!(tokens.find("org_10"), ContextToken::Refused);
        let audience = tokens.find("https://api.example.com");
        assert_eq!(audience, ContextToken::Granted("g.h.i"));
        for other in ["org", "org_100", "a.b.c", "d.e.f", "", "ORG_1"] {
            assert_eq!(tokens.find(other), ContextToken::Missing, "{other:?}");
        }
        let mut names = String::new();
        tokens.push_granted(&mut names);
        assert_eq!(names, "org_1 https://api.example.com ");
        let last = Secret::new("t a t b ").expect("visible ASCII");
        assert_eq!(last.find("b"), ContextToken::Refused);
    }
}
