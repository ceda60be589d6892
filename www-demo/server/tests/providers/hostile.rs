//! A provider that signs whatever a test wants, with keys of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// The access token of each response.
pub(crate) const ACCESS_TOKEN: &str = "an access token of the provider's";
/// The refresh token of each response.
pub(crate) const REFRESH_TOKEN: &str = "a refresh token of the provider's";

/// A key and its name.
pub(crate) struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(crate) fn new(id: &str) -> Self {
        let (curve, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8.as_ref(), &random).unwrap();
        let id = id.to_owned();
        Self { id, pair }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": x, "y": y })
    }

    /// Signs claims, with a header that may be any.
    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_parts(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    fn sign_parts(&self, header: &[u8], claims: &[u8]) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", encode(signature.unwrap().as_ref()))
    }

    /// Signs claims as they are spelled.
    pub(crate) fn sign_text(&self, claims: &str) -> String {
        let header = json!({ "alg": "ES256", "kid": self.id }).to_string();
        self.sign_parts(header.as_bytes(), claims.as_bytes())
    }

    /// Signs claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.id, "typ": "JWT" });
        self.sign_with(&header, claims)
    }
}

/// What the provider answers.
pub(crate) struct Answers {
    pub(crate) metadata: Value,
    /// The status and location of the discovery document, if it redirects.
    pub(crate) redirect: Option<String>,
    /// How many bytes the discovery document is longer.
    pub(crate) padding: usize,
    pub(crate) keys: Vec<Value>,
    pub(crate) token: (StatusCode, Value),
}

/// A running provider.
pub(crate) struct Hostile {
    pub(crate) issuer: String,
    pub(crate) answers: Arc<Mutex<Answers>>,
    pub(crate) key: Key,
    /// How often the keys were asked for.
    pub(crate) key_requests: Arc<AtomicUsize>,
    /// The bodies that came to the token endpoint.
    pub(crate) codes: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Shared {
    answers: Arc<Mutex<Answers>>,
    key_requests: Arc<AtomicUsize>,
    codes: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::new("first");
        let answers = Answers {
            metadata: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/jwks"),
            }),
            redirect: None,
            padding: 0,
            keys: vec![key.jwk()],
            token: (StatusCode::INTERNAL_SERVER_ERROR, json!({})),
        };
        let shared = Shared {
            answers: Arc::new(Mutex::new(answers)),
            key_requests: Arc::default(),
            codes: Arc::default(),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            issuer,
            answers: shared.answers,
            key,
            key_requests: shared.key_requests,
            codes: shared.codes,
        }
    }

    /// Is reached over TLS from now on, with the certificate of a folder.
    pub(crate) async fn behind_tls(&mut self, folder: &Path) {
        let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plain = self.issuer.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate breaks off.
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        let mut provider = TcpStream::connect(plain).await.unwrap();
                        drop(copy_bidirectional(&mut stream, &mut provider).await);
                    }
                });
            }
        });
        let issuer = format!("https://localhost:{port}");
        let mut answers = self.answers.lock().unwrap();
        let metadata = answers.metadata.to_string();
        answers.metadata = serde_json::from_str(&metadata.replace(&self.issuer, &issuer)).unwrap();
        drop(answers);
        self.issuer = issuer;
    }

    /// The claims of a good ID token.
    pub(crate) fn claims(&self, nonce: &str) -> Value {
        let now = now();
        json!({
            "iss": self.issuer, "sub": "ada", "aud": "client", "nonce": nonce, "iat": now, "exp": now + 300,
            "at_hash": half_hash(ACCESS_TOKEN), "email": "ada@example.org", "email_verified": true, "sid": "s1",
        })
    }

    /// Answers the next code with this ID token.
    pub(crate) fn give(&self, id_token: &str) {
        let body = json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300,
            "refresh_token": REFRESH_TOKEN, "id_token": id_token,
        });
        self.answers.lock().unwrap().token = (StatusCode::OK, body);
    }

    /// Signs with a new key from now on, and publishes it alone.
    pub(crate) fn rotate(&mut self, id: &str) {
        self.key = Key::new(id);
        self.answers.lock().unwrap().keys = vec![self.key.jwk()];
    }

    pub(crate) fn key_requests(&self) -> usize {
        self.key_requests.load(Ordering::SeqCst)
    }
}

async fn metadata(State(shared): State<Shared>) -> Response {
    let answers = shared.answers.lock().unwrap();
    if let Some(location) = &answers.redirect {
        return (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    }
    let padding = " ".repeat(answers.padding);
    format!("{padding}{}", answers.metadata).into_response()
}

async fn keys(State(shared): State<Shared>) -> Json<Value> {
    shared.key_requests.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "keys": shared.answers.lock().unwrap().keys }))
}

async fn token(State(shared): State<Shared>, body: String) -> (StatusCode, Json<Value>) {
    shared.codes.lock().unwrap().push(body);
    let (status, body) = shared.answers.lock().unwrap().token.clone();
    (status, Json(body))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    nolapse_server::clock::now().as_secs()
}

/// `at_hash` of ES256.
pub(crate) fn half_hash(text: &str) -> String {
    encode(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16])
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
