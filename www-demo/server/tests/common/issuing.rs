//! Tokens of one issuer for one audience, and what verifies them.

use std::time::Duration;

use nolapse_server::{
    domain::{
        Authentication, Email, Limits, NewSession, PasswordHash, RefreshToken, Role, Session,
        SessionId, Timestamp, User, UserId,
    },
    keys::ServerKeys,
    tokens::{self, TokenConfig},
    verifier::{Algorithm, KeySource, Verifier},
};

const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";

/// Keys of the default algorithm.
pub(crate) fn new_keys() -> ServerKeys {
    ServerKeys::generate(Algorithm::default()).expect("random bytes")
}

/// A token that lives so long, signed with the current key.
pub(crate) fn issue(now: Timestamp, keys: &ServerKeys, lifetime: Duration) -> String {
    let user = User {
        id: UserId::from_bytes([1; 16]),
        email: Email::parse("ada@example.org").expect("an address"),
        password: PasswordHash::from_text("none".to_owned()),
        role: Role::Member,
        disabled: false,
        created_at: now,
    };
    let config = TokenConfig {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        lifetime,
    };
    let first = RefreshToken::first(SessionId::from_bytes([2; 16]), [0; 32]);
    let new = NewSession::new(String::new(), Authentication::by_password(now));
    let session = Session::begin(now, &first, user.id, new, &Limits::default());
    tokens::issue(now, &config, &keys.current, &session, &user).expect("a token")
}

/// A verifier of such tokens.
pub(crate) fn verifier(keys: KeySource) -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, keys)
}
