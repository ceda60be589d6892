//! How this server authenticates at a provider (`OpenID` Connect Core 1.0 §9), and where it sends a browser.

use std::{fs, path::Path};

use axum::http::HeaderValue;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256},
};
use serde::Deserialize;
use serde_json::json;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use url::{Url, form_urlencoded};

use super::{
    Provider, ProviderError, ProviderSetupError, Transaction, discovery::Metadata,
    transaction::random_text,
};
use crate::{
    clock,
    config::{ClientCredential, KeyAudience},
    domain::Timestamp,
};

/// How long an assertion is valid, in seconds.
const ASSERTION_SECONDS: u64 = 60;

/// A private key for `private_key_jwt`.
pub(super) enum ClientKey {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(rsa::KeyPair),
}

impl ClientKey {
    /// Reads a file in PEM, of PKCS #8.
    pub(super) fn read(file: &Path) -> Result<Self, ProviderSetupError> {
        let pem = fs::read(file).map_err(ProviderSetupError::Key)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem);
        let der = der.map_err(|_| ProviderSetupError::KeyForm)?;
        let der = der.secret_pkcs8_der();
        let (curve, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let p256 = EcdsaKeyPair::from_pkcs8(curve, der, &random).map(Self::P256);
        p256.or_else(|_| rsa::KeyPair::from_pkcs8(der).map(Self::Rsa))
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519))
            .map_err(|_| ProviderSetupError::KeyForm)
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::P256(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .ok()?;
                Some(signature)
            }
        }
    }
}

/// A form, with the client's authentication.
pub(super) struct Authenticated {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) form: String,
}

impl Provider {
    /// Adds the client's authentication to a form.
    pub(super) fn authenticate(
        &self,
        metadata: &Metadata,
        parameters: &[(&str, &str)],
    ) -> Result<Authenticated, ProviderError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(parameters);
        let client = &self.config.client_id;
        let mut authorization = None;
        match (&self.config.credential, &self.key) {
            (ClientCredential::Secret(secret), _) if metadata.posts_secret => {
                form.append_pair("client_id", client);
                form.append_pair("client_secret", secret.expose());
            }
            (ClientCredential::Secret(secret), _) => {
                // RFC 6749 §2.3.1: both are encoded as in a form first.
                let encode = |text: &str| {
                    let bytes = form_urlencoded::byte_serialize(text.as_bytes());
                    bytes.collect::<String>()
                };
                let pair = format!("{}:{}", encode(client), encode(secret.expose()));
                let basic = format!("Basic {}", Base64::encode_string(pair.as_bytes()));
                authorization = HeaderValue::try_from(basic).ok();
            }
            (ClientCredential::PrivateKey(_), key) => {
                let assertion = key
                    .as_ref()
                    .and_then(|key| self.assertion(clock::now(), metadata, key));
                let assertion = assertion.ok_or(ProviderError::Failed("assertion"))?;
                form.append_pair("client_id", client);
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                form.append_pair("client_assertion_type", kind);
                form.append_pair("client_assertion", &assertion);
            }
        }
        Ok(Authenticated {
            authorization,
            form: form.finish(),
        })
    }

    /// Signs an assertion (RFC 7523 §2.2) for the issuer, or for its token endpoint.
    fn assertion(&self, now: Timestamp, metadata: &Metadata, key: &ClientKey) -> Option<String> {
        let mut header = json!({ "alg": key.algorithm(), "typ": "JWT" });
        if let Some(id) = &self.config.key_id {
            header["kid"] = json!(id);
        }
        let claims = json!({
            "iss": self.config.client_id,
            "sub": self.config.client_id,
            "aud": match self.config.key_audience {
                KeyAudience::Issuer => &self.config.issuer,
                KeyAudience::TokenEndpoint => &metadata.token.url,
            },
            "jti": random_text::<16>(),
            "iat": now.as_secs(),
            "exp": now.as_secs() + ASSERTION_SECONDS,
        });
        let encode = |value: &serde_json::Value| {
            Base64UrlUnpadded::encode_string(value.to_string().as_bytes())
        };
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = Base64UrlUnpadded::encode_string(&key.sign(message.as_bytes())?);
        Some(format!("{message}.{signature}"))
    }

    /// Returns the URL that the browser is sent to: with the request in it, or pushed before (RFC 9126) where the provider
    /// takes that.
    pub(crate) async fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &str,
        transaction: &Transaction,
    ) -> Result<String, ProviderError> {
        let metadata = self.discovery.metadata().await?;
        let challenge = transaction.challenge();
        let config = &self.config;
        let mut parameters = vec![
            ("response_type", "code"),
            ("scope", config.scopes.as_str()),
            ("redirect_uri", redirect_uri),
            ("state", state),
            ("nonce", &transaction.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let further = config.parameters.iter();
        parameters.extend(further.map(|(name, value)| (name.as_str(), value.as_str())));
        let has_prompt = config.parameters.iter().any(|(name, _)| name == "prompt");
        if !has_prompt && config.scopes.split(' ').any(|one| one == "offline_access") {
            // OpenID Connect Core 1.0 §11.
            parameters.push(("prompt", "consent"));
        }
        let unread = ProviderError::Failed("authorization_endpoint");
        let mut url = Url::parse(&metadata.authorization_endpoint).map_err(|_| unread)?;
        let pushed = match &metadata.par {
            Some(_) => Some(self.push(&metadata, &parameters).await?),
            None => None,
        };
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &config.client_id);
        match &pushed {
            Some(pushed) => query.append_pair("request_uri", pushed),
            None => query.extend_pairs(parameters),
        };
        drop(query);
        Ok(url.into())
    }

    async fn push(
        &self,
        metadata: &Metadata,
        parameters: &[(&str, &str)],
    ) -> Result<String, ProviderError> {
        #[derive(Deserialize)]
        struct Pushed {
            request_uri: String,
        }
        let unread = ProviderError::Failed("pushed_authorization_request");
        let par = metadata.par.as_ref().ok_or(unread)?;
        let mut parameters = parameters.to_vec();
        // In the other cases the authentication has it.
        if !metadata.posts_secret && self.key.is_none() {
            parameters.push(("client_id", &self.config.client_id));
        }
        let asked = self.authenticate(metadata, &parameters)?;
        let reply = par.post(asked.authorization, asked.form).await;
        let reply = reply.map_err(|_| unread)?;
        if !reply.status.is_success() {
            tracing::warn!(status = %reply.status, "a pushed authorization request was refused");
            return Err(unread);
        }
        let pushed: Pushed = serde_json::from_slice(&reply.body).map_err(|_| unread)?;
        Ok(pushed.request_uri)
    }

    /// Checks the issuer of an authorization response (RFC 9207 §2.4).
    pub(crate) async fn check_issuer(&self, iss: Option<&str>) -> Result<(), ProviderError> {
        let is_right = match iss {
            Some(iss) => iss == self.config.issuer,
            None => !self.discovery.metadata().await?.has_iss,
        };
        is_right.then_some(()).ok_or(ProviderError::Refused("iss"))
    }

    /// Returns where a browser signs out at the provider (`OpenID` Connect RP-Initiated Logout 1.0 §2); `None` if that is not
    /// known.
    pub(crate) async fn end_session_url(&self, id_token: Option<&str>) -> Option<String> {
        let metadata = self.discovery.metadata().await.ok()?;
        let mut url = Url::parse(metadata.end_session_endpoint.as_deref()?).ok()?;
        if !["http", "https"].contains(&url.scheme()) {
            return None;
        }
        let mut query = url.query_pairs_mut();
        if let Some(token) = id_token {
            query.append_pair("id_token_hint", token);
        }
        query.append_pair("client_id", &self.config.client_id);
        if let Some(to) = &self.config.post_logout_redirect_uri {
            query.append_pair("post_logout_redirect_uri", to);
        }
        drop(query);
        Some(url.into())
    }
}
