//! Users, passwords and roles.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Email, Timestamp, UserId};

/// The bounds of a password's length, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// The longest input that is normalised, in characters: none composes more than four.
const MAX_SPELLING_CHARS: usize = 4 * 256;

/// A password in normal form C (NIST SP 800-63B §3.1.1.2), so that composed and decomposed input is the same: 8 to 256
/// characters, never truncated.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Parses a password; `None` if it is too short or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().count() > MAX_SPELLING_CHARS {
            return None;
        }
        let normal: String = text.nfc().collect();
        let fits = PASSWORD_CHARS.contains(&normal.chars().count());
        fits.then_some(Self(normal))
    }

    /// Returns the password, to be hashed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// A password hash as a PHC string, with salt and parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Creates a hash from its text.
    #[must_use]
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Returns the hash of an account without a password, which no password matches.
    #[must_use]
    pub const fn none() -> Self {
        Self(String::new())
    }

    /// Returns the text to store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the cost of a verification: memory in KiB times passes (RFC 9106 §3.1); 0 without parameters.
    #[must_use]
    pub fn cost(&self) -> u64 {
        let number = |name: &str| -> Option<u64> {
            let parameters = self.0.split('$').flat_map(|part| part.split(','));
            let mut values = parameters.filter_map(|parameter| parameter.strip_prefix(name));
            values.next()?.parse().ok()
        };
        let cost = number("m=").zip(number("t="));
        cost.map_or(0, |(memory, passes)| memory.saturating_mul(passes))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

/// A user's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has access to their own data.
    Member,
    /// Has access to the reports too.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 2] = [Self::Member, Self::Admin];

    /// Returns the text in tokens and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Parses that text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id, `sub` in access tokens.
    pub id: UserId,
    /// The e-mail address.
    pub email: Email,
    /// The password's hash. A directory without hashes sets a text that changes with the credentials: a sign-in is
    /// repeated if it changes meanwhile.
    pub password: PasswordHash,
    /// The role, `role` in access tokens.
    pub role: Role,
    /// Whether sign-in and refresh are refused.
    pub disabled: bool,
    /// When the account was created.
    pub created_at: Timestamp,
}

impl User {
    /// Returns whether the account has a password; one that was made with a passkey has none.
    #[must_use]
    pub fn has_password(&self) -> bool {
        !self.password.expose().is_empty()
    }

    /// Returns a row for foreign keys: the id alone, without address and password.
    pub(crate) fn reference(&self) -> Self {
        Self {
            email: Email::missing(self.id),
            password: PasswordHash::from_text(String::new()),
            role: Role::Member,
            disabled: false,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_counted_in_characters_of_its_normal_form() {
        assert!(Password::parse("ünïcödé!").is_some());
        assert!(Password::parse("1234567").is_none());
        assert!(Password::parse(&"x".repeat(257)).is_none());
        assert!(Password::parse("u\u{308}u\u{308}u\u{308}u\u{308}").is_none());
        assert!(Password::parse(&"u\u{308}".repeat(256)).is_some());
        assert!(Password::parse(&"\u{308}".repeat(16_000)).is_none());
    }

    #[test]
    fn composed_and_decomposed_characters_are_one_password() {
        let parse = |text: &str| Password::parse(text).map(|password| password.expose().to_owned());
        for (composed, decomposed) in [
            ("cafe\u{301} noir", "caf\u{e9} noir"),
            ("\u{1100}\u{1161} hangul!", "\u{ac00} hangul!"),
            ("a\u{323}\u{302} marks!", "\u{1ead} marks!"),
            ("\u{212b}ngstr\u{f6}m units", "\u{c5}ngstro\u{308}m units"),
        ] {
            assert!(parse(composed).is_some());
            assert_eq!(parse(composed), parse(decomposed), "{composed}");
        }
        // Compatibility characters, case, blanks and control characters stay as they were typed.
        for (one, other) in [
            ("ﬁfteen chars", "fifteen chars"),
            ("Password!x", "password!x"),
            ("tab\tchars", "tab chars"),
        ] {
            assert_ne!(parse(one), parse(other), "{one}");
        }
    }
}
