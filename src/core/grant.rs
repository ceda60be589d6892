//! Token responses of the auth server and their validation.

use std::rc::Rc;

use super::millis::Millis;
use super::secret::Secret;

/// The session of a token, as sent by the auth server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionInfo {
    /// The session id; empty if the auth server sends none.
    pub id: Rc<str>,
    /// The user id; empty if the auth server sends none.
    pub user_id: Rc<str>,
    /// The user as JSON text, passed to the app unchanged.
    pub user: Rc<str>,
}

impl SessionInfo {
    /// Creates it from the auth server's response; ids that contain ASCII control characters become empty.
    #[must_use]
    pub fn new(id: &str, user_id: &str, user: &str) -> Self {
        let plain = |name: &str| -> Rc<str> {
            if name.bytes().any(|byte| byte.is_ascii_control()) {
                "".into()
            } else {
                name.into()
            }
        };
        Self {
            id: plain(id),
            user_id: plain(user_id),
            user: user.into(),
        }
    }

    /// Returns an FNV-1a hash of both ids; distinguishes sessions without storing their ids.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let hashed = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = self.id.bytes().fold(0x811c_9dc5, hashed);
        self.user_id.bytes().fold(hash, hashed)
    }

    /// Whether both belong to the same user.
    #[must_use]
    pub fn is_same_user(&self, other: &Self) -> bool {
        if self.user_id.is_empty() && other.user_id.is_empty() {
            self.id == other.id
        } else {
            self.user_id == other.user_id
        }
    }
}

/// A validated token with its lifetime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The access token, and those of contexts.
    pub token: Secret,
    /// The token's lifetime, from the sending of the request.
    pub lifetime: Millis,
    /// When the server requests the next refresh, counted like the lifetime.
    pub refresh_in: Option<Millis>,
    /// The token's session.
    pub session: SessionInfo,
}

/// A parsed token response before validation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawGrant<'a> {
    /// `access_token`, if it is a string, and those of contexts, as [`Secret::new`] reads them.
    pub access_token: Option<&'a str>,
    /// `token_type`, if it is a string.
    pub token_type: Option<&'a str>,
    /// `expires_in` in seconds, if it is a number.
    pub expires_in: Option<f64>,
    /// `exp − iat` of the token in seconds, used only without `expires_in`.
    pub claimed_life: Option<f64>,
    /// `refresh_in` in seconds, if it is a number.
    pub refresh_in: Option<f64>,
    /// The session id; empty if there is none.
    pub session_id: &'a str,
    /// The user id; empty if there is none.
    pub user_id: &'a str,
    /// The user as JSON text.
    pub user: &'a str,
}

/// Why a response is not a valid token response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnexpectedAnswer {
    /// The body is not a JSON object, such as a captive portal's page or a truncated body.
    NotJson,
    /// The body is larger than [`MAX_TOKEN_RESPONSE_BYTES`](crate::wire::MAX_TOKEN_RESPONSE_BYTES).
    TooLarge,
    /// There is no token, or it cannot be sent in a header.
    NoToken,
    /// The token type is not `Bearer`.
    OtherTokenType,
    /// The token's lifetime is missing, below 2 seconds, or above 7 days.
    LifeOutOfRange,
    /// The HTTP status is not part of the contract.
    Status,
}

impl UnexpectedAnswer {
    /// Returns its code in traces and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::TooLarge => "too_large",
            Self::NoToken => "no_token",
            Self::OtherTokenType => "other_token_type",
            Self::LifeOutOfRange => "life_out_of_range",
            Self::Status => "status",
        }
    }
}

impl Grant {
    /// The shortest lifetime that can be refreshed in time.
    pub const MIN_LIFETIME: Millis = Millis::from_secs(2);
    /// The longest accepted lifetime.
    pub const MAX_LIFETIME: Millis = Millis::from_secs(7 * 86_400);

    /// Validates a token response.
    ///
    /// # Errors
    ///
    /// Returns the first problem; no part of an invalid response is used.
    pub fn check(raw: &RawGrant<'_>) -> Result<Self, UnexpectedAnswer> {
        let token = raw
            .access_token
            .and_then(Secret::new)
            .ok_or(UnexpectedAnswer::NoToken)?;
        if raw
            .token_type
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(UnexpectedAnswer::OtherTokenType);
        }
        let lifetime = raw
            .expires_in
            .or(raw.claimed_life)
            .and_then(Millis::from_secs_f64)
            .filter(|lifetime| (Self::MIN_LIFETIME..=Self::MAX_LIFETIME).contains(lifetime))
            .ok_or(UnexpectedAnswer::LifeOutOfRange)?;
        let refresh_in = raw
            .refresh_in
            .and_then(Millis::from_secs_f64)
            .filter(|refresh_in| *refresh_in < lifetime);
        Ok(Self {
            token,
            lifetime,
            refresh_in,
            session: SessionInfo::new(raw.session_id, raw.user_id, raw.user),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> RawGrant<'static> {
        RawGrant {
            access_token: Some("a.b.c"),
            expires_in: Some(60.0),
            ..RawGrant::default()
        }
    }

    #[test]
    fn a_fingerprint_is_fnv_1a_of_both_names() {
        // From the reference test vectors: http://www.isthe.com/chongo/tech/comp/fnv/
        for (id, user_id, expected) in [
            ("", "", 0x811c_9dc5),
            ("a", "", 0xe40c_292c),
            ("foobar", "", 0xbf9c_f968),
            ("foo", "bar", 0xbf9c_f968),
        ] {
            let session = SessionInfo::new(id, user_id, "{}");
            assert_eq!(session.fingerprint(), expected, "{id} {user_id}");
        }
    }

    #[test]
    fn names_with_control_characters_are_taken_as_absent() {
        let session = SessionInfo::new("one\ntwo", "tab\there", "{}");

        assert_eq!((&*session.id, &*session.user_id), ("", ""));
    }

    #[test]
    fn without_names_of_users_a_session_tells_them_apart() {
        let session = |id, user_id| SessionInfo::new(id, user_id, "{}");
        for (one, other, same) in [
            (session("1", "ada"), session("2", "ada"), true),
            (session("1", "ada"), session("1", "bob"), false),
            (session("1", ""), session("1", ""), true),
            (session("1", ""), session("2", ""), false),
            (session("1", "ada"), session("1", ""), false),
        ] {
            assert_eq!(one.is_same_user(&other), same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_life_that_is_not_told_is_read_from_the_token() {
        let grant = Grant::check(&RawGrant {
            expires_in: None,
            claimed_life: Some(90.0),
            ..raw()
        });

        assert_eq!(grant.map(|grant| grant.lifetime), Ok(Millis::from_secs(90)));
    }

    #[test]
    fn p06_lives_from_two_seconds_to_a_week_are_taken() {
        for (lifetime, taken) in [
            (0.0, false),
            (-60.0, false),
            (1.999, false),
            (2.0, true),
            (86_400.0, true),
            (604_800.0, true),
            (604_801.0, false),
            (315_360_000.0, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            let grant = Grant::check(&RawGrant {
                expires_in: Some(lifetime),
                ..raw()
            });
            assert_eq!(grant.is_ok(), taken, "{lifetime}");
        }
    }

    #[test]
    fn p08_what_is_no_token_is_refused_with_its_reason() {
        let no_token = RawGrant {
            access_token: None,
            ..raw()
        };
        let other_type = RawGrant {
            token_type: Some("DPoP"),
            ..raw()
        };
        let no_life = RawGrant {
            expires_in: None,
            ..raw()
        };

        assert_eq!(Grant::check(&no_token), Err(UnexpectedAnswer::NoToken));
        assert_eq!(
            Grant::check(&other_type),
            Err(UnexpectedAnswer::OtherTokenType)
        );
        assert_eq!(
            Grant::check(&no_life),
            Err(UnexpectedAnswer::LifeOutOfRange)
        );
    }

    #[test]
    fn a_refresh_time_beyond_the_lifetime_is_ignored() {
        for (refresh_in, believed) in [
            (20.0, Some(Millis::from_secs(20))),
            (60.0, None),
            (61.0, None),
            (-1.0, None),
        ] {
            let grant = Grant::check(&RawGrant {
                refresh_in: Some(refresh_in),
                ..raw()
            });
            assert_eq!(grant.map(|grant| grant.refresh_in), Ok(believed));
        }
    }

    #[test]
    fn what_is_wrong_with_an_answer_has_a_word_of_its_own() {
        let words = [
            UnexpectedAnswer::NotJson,
            UnexpectedAnswer::TooLarge,
            UnexpectedAnswer::NoToken,
            UnexpectedAnswer::OtherTokenType,
            UnexpectedAnswer::LifeOutOfRange,
            UnexpectedAnswer::Status,
        ]
        .map(UnexpectedAnswer::as_str);

        let expected = [
            "not_json",
            "too_large",
            "no_token",
            "other_token_type",
            "life_out_of_range",
            "status",
        ];
        assert_eq!(words, expected);
    }
}
