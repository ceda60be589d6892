//! What a logout token must say (`OpenID` Connect Back-Channel Logout 1.0 §2.6).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Provider, ProviderError,
    id_token::{Audience, SKEW_SECONDS, seconds},
    jws::Unverified,
};
use crate::domain::Timestamp;

/// The member of `events` that makes it a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long ago a token without `exp` may have been issued, in seconds.
const MAX_AGE_SECONDS: u64 = 300;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Audience,
    iat: f64,
    exp: Option<f64>,
    jti: String,
    events: Map<String, Value>,
    sid: Option<String>,
    nonce: Option<Value>,
}

/// Whose sessions end.
pub(crate) struct LoggedOut {
    /// `sub`.
    pub(crate) subject: Option<String>,
    /// `sid`.
    pub(crate) sid: Option<String>,
    /// `jti`, which counts once.
    pub(crate) token_id: String,
    /// Until when the token is valid: as long as its `jti` is remembered.
    pub(crate) until: Timestamp,
}

impl Provider {
    /// Verifies a logout token. Whether its `jti` came before is not looked at.
    pub(crate) async fn verify_logout(
        &self,
        now: Timestamp,
        token: &str,
    ) -> Result<LoggedOut, ProviderError> {
        let refused = |reason| ProviderError::Refused(reason);
        let token = Unverified::parse(token).ok_or(refused("logout_token_form"))?;
        // §2.4 recommends `logout+jwt`; many providers say `JWT`, or nothing.
        if !matches!(token.typ().as_deref(), None | Some("logout+jwt" | "jwt")) {
            return Err(refused("typ"));
        }
        self.check_signature(&token).await?;
        let claims: Option<Claims> = token.claims();
        let claims = claims.ok_or(refused("logout_token_claims"))?;
        if claims.iss != self.config.issuer {
            return Err(refused("iss"));
        }
        if !claims.aud.has(&self.config.client_id) {
            return Err(refused("aud"));
        }
        // An ID token has one, and is none of these.
        if claims.nonce.is_some() {
            return Err(refused("nonce"));
        }
        if !claims.events.get(EVENT).is_some_and(Value::is_object) {
            return Err(refused("events"));
        }
        if claims.sub.is_none() && claims.sid.is_none() {
            return Err(refused("nobody"));
        }
        let issued_at = seconds(claims.iat);
        if issued_at > now.as_secs() + SKEW_SECONDS {
            return Err(refused("early"));
        }
        let expires_at = claims.exp.map_or(issued_at + MAX_AGE_SECONDS, seconds);
        let until = expires_at.saturating_add(SKEW_SECONDS);
        if until <= now.as_secs() {
            return Err(refused("expired"));
        }
        Ok(LoggedOut {
            subject: claims.sub,
            sid: claims.sid,
            token_id: claims.jti,
            until: Timestamp::from_millis(until.saturating_mul(1_000)),
        })
    }
}
