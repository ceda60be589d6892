//! Users: who may sign in, and as what.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Email, Timestamp, UserId};

/// The bounds of a password's length, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// The longest spelling that is normalised, in characters: none composes more than four.
const MAX_SPELLING_CHARS: usize = 4 * 256;

/// A password in normal form C, so that keyboards which compose characters and keyboards which do not type the
/// same one (NIST SP 800-63B §3.1.1.2): 8 to 256 characters, none of them cut off.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes a password; `None` where it is too short or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().count() > MAX_SPELLING_CHARS {
            return None;
        }
        let normal: String = text.nfc().collect();
        let fits = PASSWORD_CHARS.contains(&normal.chars().count());
        fits.then_some(Self(normal))
    }

    /// Returns the password, for its hash alone.
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

/// A slow hash of a password, with its salt and cost (PHC string).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes the text that the database kept or the hash function made.
    #[must_use]
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Returns the text to keep.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns what checking a password against it costs: memory in KiB times passes, as its parameters say
    /// (RFC 9106 §3.1); 0 where it has none.
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

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sees what is theirs.
    Member,
    /// Sees the reports too.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 2] = [Self::Member, Self::Admin];

    /// Returns the spelling in tokens and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A user as the database keeps one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's name for programs.
    pub id: UserId,
    /// The user's name for people.
    pub email: Email,
    /// The password's hash. A directory without hashes sets a text that changes with the credentials: a sign-in is
    /// repeated if it changes meanwhile.
    pub password: PasswordHash,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may not sign in or refresh.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl User {
    /// Returns a row for foreign keys: the id alone, without address and password.
    pub(crate) fn reference(&self) -> Self {
        Self {
            email: Email::from_canonical(self.id.to_string()),
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
