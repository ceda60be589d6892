//! Users: who may sign in, and as what.

use std::fmt;

use super::{Timestamp, UserId};

/// The longest e-mail address (RFC 5321 §4.5.3.1.3).
const MAX_EMAIL_CHARS: usize = 254;

/// The bounds of a password's length, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;

/// An e-mail address, in lower case: two spellings of one address are one account.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address; `None` where it has no local part, no domain, blanks or control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let plain = |part: &str| {
            !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let fits = text.len() <= MAX_EMAIL_CHARS && plain(local) && plain(domain);
        (fits && !local.contains('@')).then(|| Self(text.to_lowercase()))
    }

    /// Returns the address. It belongs in answers to its owner, never in a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Email(…)")
    }
}

/// A password as it was typed: 8 to 256 characters, none of them cut off or changed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes a password; `None` where it is too short or too long.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        PASSWORD_CHARS
            .contains(&text.chars().count())
            .then_some(Self(text))
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
        match text {
            "member" => Some(Self::Member),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// A user as the database keeps one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's name for programs.
    pub id: UserId,
    /// The user's name for people.
    pub email: Email,
    /// What proves the user.
    pub password: PasswordHash,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may not sign in or refresh.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_whatever_its_case() {
        assert_eq!(
            Email::parse(" Ada@Example.ORG "),
            Email::parse("ada@example.org")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "", "ada", "@b", "a@", "a b@c", "a@b\n.c", "a@b@c", "a@b\u{0}",
        ] {
            assert_eq!(Email::parse(text), None, "{text:?}");
        }
        assert_eq!(Email::parse(&format!("a@{}", "b".repeat(253))), None);
    }

    #[test]
    fn a_password_is_counted_in_characters() {
        assert!(Password::parse("ünïcödé!".to_owned()).is_some());
        assert!(Password::parse("1234567".to_owned()).is_none());
        assert!(Password::parse("x".repeat(257)).is_none());
    }
}
