//! Refresh cookies: the input is the `Cookie` header, a line for each time that it is sent.

use axum::http::{HeaderMap, HeaderValue, header};
use nolapse::wire::COOKIE;
use nolapse_server::{domain::RefreshTokenKey, fuzzing};

/// Reads the cookie and returns whether it has a refresh token, which must be the only one of its name, in canonical
/// form.
///
/// # Panics
/// Panics if another one is taken.
pub fn check(input: &[u8]) -> bool {
    let key = RefreshTokenKey::from_bytes([7; 32]);
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, line);
        }
    }
    let refresh_token = fuzzing::refresh_token(&headers, &key);
    if let Some(refresh_token) = &refresh_token {
        let lines = headers.get_all(header::COOKIE).iter();
        let pairs = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        let pairs: Vec<String> = pairs
            .flat_map(|line| {
                line.split(';')
                    .map(|pair| pair.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .filter(|pair| pair.starts_with(&format!("{COOKIE}=")))
            .collect();
        assert_eq!(pairs, [format!("{COOKIE}={}", key.encode(refresh_token))]);
    }
    let whole = String::from_utf8_lossy(input);
    if let Some(refresh_token) = key.decode(&whole) {
        assert_eq!(
            key.encode(&refresh_token),
            whole,
            "two spellings of one token"
        );
    }
    refresh_token.is_some()
}
