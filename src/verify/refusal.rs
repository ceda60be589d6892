//! Why a token is refused.

use std::fmt;

/// Why a token is refused. [`as_str`](Self::as_str) is the code that both readers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The request carries none.
    Missing,
    /// It is longer than [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
    Oversize,
    /// It is no JWT of three canonical base64url segments, or a member of it is missing, doubled or of the wrong type.
    Malformed,
    /// Its `alg` is another one than the key's (RFC 8725 §3.1).
    Algorithm,
    /// Its `typ` is another one than `at+jwt` (RFC 9068 §4).
    Type,
    /// Its header has another parameter than `alg`, `typ` and `kid`.
    Header,
    /// Its `kid` names a key that the issuer does not publish.
    UnknownKey,
    /// Its signature does not match, is not canonical, or its key is of small order.
    Signature,
    /// Its `iss` is another one.
    Issuer,
    /// Its `aud` does not have the audience that is asked for.
    Audience,
    /// Its life is over: now is at or after `exp` (RFC 7519 §4.1.4), or `exp` is not after `iat` and `nbf`.
    Expired,
    /// Its life has not begun: `nbf` or `iat` is in the future.
    Early,
    /// The auth server revoked its session, or the tokens of its user: what servers are told that follow its revocations.
    Revoked,
    /// The issuer's keys could not be fetched, so that nothing can be said.
    NoKeys,
}

impl Refusal {
    /// Returns the code of the cause, for programs, counters and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Oversize => "oversize",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Header => "header",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::Early => "early",
            Self::Revoked => "revoked",
            Self::NoKeys => "no_keys",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "there is no access token",
            Self::Oversize => "the access token is larger than any that is read",
            Self::Malformed => "the access token is no JWT with the claims that one must have",
            Self::Algorithm => "the access token is signed with another algorithm than Ed25519",
            Self::Type => "the access token is another kind of token",
            Self::Header => "the access token's header has a parameter that none may have",
            Self::UnknownKey => "the access token names a key that the issuer does not publish",
            Self::Signature => "the access token's signature does not match",
            Self::Issuer => "another issuer made the access token",
            Self::Audience => "the access token is meant for another audience",
            Self::Expired => "the access token has expired",
            Self::Early => "the access token is not valid yet",
            Self::Revoked => "the access token's session was revoked",
            Self::NoKeys => "the issuer's keys cannot be fetched",
        })
    }
}

impl std::error::Error for Refusal {}
