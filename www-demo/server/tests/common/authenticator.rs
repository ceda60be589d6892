//! An authenticator in software, and the browser between it and the server (`WebAuthn` Level 3 §5.1, §6).

use std::process::Command;

use base64ct::{Base64UrlUnpadded, Encoding};
use ciborium::Value as Cbor;
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// User present, user verified, and the flag of a new credential.
pub(crate) const PRESENT: u8 = 1;
pub(crate) const VERIFIED: u8 = 1 << 2;
pub(crate) const ELIGIBLE: u8 = 1 << 3;
pub(crate) const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;

enum Key {
    Es256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rs256(Box<rsa::KeyPair>),
}

/// An authenticator with one credential, and what it and the browser say: tests change it.
pub(crate) struct Authenticator {
    key: Key,
    /// The credential's id.
    pub(crate) id: Vec<u8>,
    /// The user handle, once it has registered.
    pub(crate) user: Option<String>,
    /// The page's origin.
    pub(crate) origin: String,
    /// The relying party, if it is another one than that of the options.
    pub(crate) party: Option<String>,
    /// The flags.
    pub(crate) flags: u8,
    /// The signature counter, which grows before each signature unless it is 0.
    pub(crate) counter: u32,
    /// The type of the client data, if it is another one.
    pub(crate) kind: Option<&'static str>,
    /// Members of the client data beside the usual ones.
    pub(crate) more: Value,
}

impl Authenticator {
    /// Makes one with a key of P-256.
    pub(crate) fn es256(origin: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key");
        Self::with(Key::Es256(Box::new(pair)), origin)
    }

    /// Makes one with a key of Ed25519.
    pub(crate) fn ed25519(origin: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
        Self::with(Key::Ed25519(Box::new(pair)), origin)
    }

    /// Makes one with a key of RSA, as Windows has them: openssl makes it.
    pub(crate) fn rs256(origin: &str) -> Self {
        let parameters = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER";
        let made = Command::new("openssl")
            .args(parameters.split(' '))
            .output()
            .expect("openssl is installed");
        let pair = rsa::KeyPair::from_der(&made.stdout).expect("a key");
        Self::with(Key::Rs256(Box::new(pair)), origin)
    }

    fn with(key: Key, origin: &str) -> Self {
        let mut authenticator = Self {
            key,
            id: Vec::new(),
            user: None,
            origin: origin.to_owned(),
            party: None,
            flags: PRESENT | VERIFIED,
            counter: 1,
            kind: None,
            more: json!({ "crossOrigin": false }),
        };
        authenticator.id = Sha256::digest(authenticator.public_key()).to_vec();
        authenticator
    }

    /// Returns the public key as `COSE_Key`.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        let int = |number: i64| Cbor::from(number);
        let map = match &self.key {
            Key::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                vec![
                    (int(1), int(2)),
                    (int(3), int(-7)),
                    (int(-1), int(1)),
                    (int(-2), Cbor::Bytes(x.to_vec())),
                    (int(-3), Cbor::Bytes(y.to_vec())),
                ]
            }
            Key::Ed25519(pair) => vec![
                (int(1), int(1)),
                (int(3), int(-8)),
                (int(-1), int(6)),
                (int(-2), Cbor::Bytes(pair.public_key().as_ref().to_vec())),
            ],
            Key::Rs256(pair) => {
                let key: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                vec![
                    (int(1), int(3)),
                    (int(3), int(-257)),
                    (int(-1), Cbor::Bytes(key.n)),
                    (int(-2), Cbor::Bytes(key.e)),
                ]
            }
        };
        encode(&Cbor::Map(map))
    }

    /// Answers the options of a registration.
    pub(crate) fn register(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.user = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        let mut data = self.data(&options["rp"]["id"], HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(
            u16::try_from(self.id.len())
                .expect("a short id")
                .to_be_bytes(),
        );
        data.extend(&self.id);
        data.extend(self.public_key());
        let attestation = Cbor::Map(vec![
            (Cbor::from("fmt"), Cbor::from("none")),
            (Cbor::from("attStmt"), Cbor::Map(Vec::new())),
            (Cbor::from("authData"), Cbor::Bytes(data)),
        ]);
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(&client_data),
                "attestationObject": base64url(&encode(&attestation)),
                "transports": ["internal"],
            },
        })
    }

    /// Answers the options of a sign-in.
    pub(crate) fn sign_in(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        if self.counter > 0 {
            self.counter += 1;
        }
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.data(&options["rpId"], 0);
        let signature = self.sign(&[&data[..], &Sha256::digest(&client_data)].concat());
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(&client_data),
                "authenticatorData": base64url(&data),
                "signature": base64url(&signature),
                "userHandle": self.user,
            },
        })
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let mut data = json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": challenge,
            "origin": self.origin,
        });
        for (name, value) in self.more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data.to_string().into_bytes()
    }

    fn data(&self, party: &Value, flags: u8) -> Vec<u8> {
        let party = self.party.as_deref().or(party.as_str());
        let mut data = Sha256::digest(party.expect("a relying party")).to_vec();
        data.push(self.flags | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.expect("a signature").as_ref().to_vec()
            }
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .expect("a signature");
                signature
            }
        }
    }
}

/// Encodes as browsers do.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Encodes a value of CBOR.
pub(crate) fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("a vector");
    bytes
}
