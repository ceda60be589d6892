//! What an ID token must say (`OpenID` Connect Core 1.0 §3.1.3.7).

use serde::Deserialize;

use super::{Provider, ProviderError, jws::Unverified, token_endpoint::Tokens};
use crate::domain::{Email, Timestamp};

/// How far the provider's clock may be from this server's, in seconds.
pub(super) const SKEW_SECONDS: u64 = 30;
/// The longest `sub` (§2).
const MAX_SUBJECT_BYTES: usize = 255;

/// One audience, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn has(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Several(several) => several.iter().any(|one| one == client),
        }
    }

    const fn is_several(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Several(several) => several.len() > 1,
        }
    }
}

/// The claims that are read. A doubled one is refused.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nonce: Option<String>,
    at_hash: Option<String>,
    auth_time: Option<f64>,
    #[serde(default)]
    amr: Vec<String>,
    sid: Option<String>,
    email: Option<String>,
    email_verified: Option<Truth>,
}

/// A truth, which some providers spell as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Value(bool),
    Text(String),
}

/// What an ID token says.
pub(crate) struct IdClaims {
    /// `sub`.
    pub(crate) subject: String,
    /// `sid`.
    pub(crate) sid: Option<String>,
    /// `auth_time`, in seconds.
    pub(crate) authenticated_at: Option<u64>,
    /// Whether `amr` has `mfa`.
    pub(crate) has_several_factors: bool,
    /// `email`, if the provider has verified it.
    pub(crate) verified_email: Option<Email>,
    /// Whether the token has an address, verified or not.
    has_email: bool,
}

impl Provider {
    /// Verifies the ID token of a sign-in, and asks the `UserInfo` endpoint for the e-mail address if the token has none.
    pub(crate) async fn verify(
        &self,
        now: Timestamp,
        tokens: &Tokens,
        nonce: &str,
    ) -> Result<IdClaims, ProviderError> {
        let token = tokens.id_token.as_deref();
        let token = token.ok_or(ProviderError::Failed("no_id_token"))?;
        let token = Unverified::parse(token).ok_or(ProviderError::Refused("id_token_form"))?;
        self.check_signature(&token).await?;
        let claims: Option<Claims> = token.claims();
        let claims = claims.ok_or(ProviderError::Refused("id_token_claims"))?;
        self.check(now, &claims, nonce)?;
        if let Some(hash) = &claims.at_hash
            && *hash != token.half_hash(&tokens.access_token)
        {
            return Err(ProviderError::Refused("at_hash"));
        }
        let mut read = read(claims);
        if !read.has_email && self.config.scopes.split(' ').any(|scope| scope == "email") {
            read.verified_email = self
                .ask_for_email(&tokens.access_token, &read.subject)
                .await?;
        }
        Ok(read)
    }

    /// Checks that one of the provider's keys has signed a token; the keys are fetched once more if none of those known has.
    pub(super) async fn check_signature(
        &self,
        token: &Unverified<'_>,
    ) -> Result<(), ProviderError> {
        let metadata = self.discovery.metadata().await?;
        let keys = self.discovery.keys(&metadata).await?;
        if token.is_signed_by(&keys) {
            return Ok(());
        }
        let newer = self.discovery.keys_again(&metadata).await?;
        if token.is_signed_by(&newer) {
            return Ok(());
        }
        Err(ProviderError::Refused("signature"))
    }

    fn check(&self, now: Timestamp, claims: &Claims, nonce: &str) -> Result<(), ProviderError> {
        let client = &self.config.client_id;
        let refused = |reason| Err(ProviderError::Refused(reason));
        if claims.iss != self.config.issuer {
            return refused("iss");
        }
        if !claims.aud.has(client) {
            return refused("aud");
        }
        let azp = claims.azp.as_ref();
        if azp.is_some_and(|azp| azp != client) || claims.aud.is_several() && azp.is_none() {
            return refused("azp");
        }
        if claims.nonce.as_deref() != Some(nonce) {
            return refused("nonce");
        }
        if seconds(claims.exp).saturating_add(SKEW_SECONDS) <= now.as_secs() {
            return refused("expired");
        }
        if seconds(claims.iat) > now.as_secs() + SKEW_SECONDS {
            return refused("early");
        }
        if !(1..=MAX_SUBJECT_BYTES).contains(&claims.sub.len()) {
            return refused("sub");
        }
        Ok(())
    }

    async fn ask_for_email(
        &self,
        access_token: &str,
        subject: &str,
    ) -> Result<Option<Email>, ProviderError> {
        #[derive(Deserialize)]
        struct UserInfo {
            sub: String,
            email: Option<String>,
            email_verified: Option<Truth>,
        }
        let metadata = self.discovery.metadata().await?;
        let Some(userinfo) = &metadata.userinfo else {
            return Ok(None);
        };
        let unread = ProviderError::Failed("userinfo");
        let bearer = format!("Bearer {access_token}");
        let bearer = bearer.try_into().map_err(|_| unread)?;
        let reply = userinfo.get(Some(bearer)).await.map_err(|_| unread)?;
        if reply.status.as_u16() != 200 {
            return Err(unread);
        }
        let info: UserInfo = serde_json::from_slice(&reply.body).map_err(|_| unread)?;
        // §5.3.2: it may be another user's.
        if info.sub != subject {
            return Err(ProviderError::Refused("userinfo_sub"));
        }
        Ok(verified(
            info.email.as_deref(),
            info.email_verified.as_ref(),
        ))
    }
}

fn read(claims: Claims) -> IdClaims {
    IdClaims {
        verified_email: verified(claims.email.as_deref(), claims.email_verified.as_ref()),
        has_email: claims.email.is_some(),
        subject: claims.sub,
        sid: claims.sid,
        authenticated_at: claims.auth_time.map(seconds),
        has_several_factors: claims.amr.iter().any(|method| method == "mfa"),
    }
}

fn verified(email: Option<&str>, is_verified: Option<&Truth>) -> Option<Email> {
    let is_verified = match is_verified? {
        Truth::Value(value) => *value,
        Truth::Text(text) => text == "true",
    };
    email.filter(|_| is_verified).and_then(Email::parse)
}

/// Reads a `NumericDate`, which may have a fraction; one that is no time is the first second.
pub(super) fn seconds(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a conversion of floats saturates"
    )]
    let seconds = number as u64;
    seconds
}
