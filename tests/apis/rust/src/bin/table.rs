//! Says which tokens `jsonwebtoken` accepts: JSON on standard input, and on standard output.

use std::io::{Write, stdin, stdout};

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, errors::Result, jwk::Jwk};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A token of an auth server, and what it is judged by.
#[derive(Deserialize)]
struct Case {
    alg: String,
    token: String,
    issuer: String,
    audience: String,
    jwks: KeySet,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let cases: Vec<Case> = serde_json::from_reader(stdin())?;
    let mut verdicts = Map::new();
    for case in cases {
        let refusal = judge(&case).err().map(|error| error.to_string());
        verdicts.insert(case.alg, refusal.into());
    }
    stdout().write_all(&serde_json::to_vec(&verdicts)?)?;
    Ok(())
}

fn judge(case: &Case) -> Result<()> {
    let header = decode_header(&case.token)?;
    let mut validation = Validation::new(case.alg.parse()?);
    validation.set_issuer(&[&case.issuer]);
    validation.set_audience(&[&case.audience]);
    for key in &case.jwks.keys {
        if key["kid"].as_str() == header.kid.as_deref() {
            let key: Jwk = serde_json::from_value(key.clone())?;
            decode::<Value>(&case.token, &DecodingKey::from_jwk(&key)?, &validation)?;
            return Ok(());
        }
    }
    Err(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into())
}
