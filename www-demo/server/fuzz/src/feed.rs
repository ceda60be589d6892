//! The feed of revocations: the input is a stream, whose first byte says how long the pieces are in which it comes.

use std::time::Duration;

use axum::http::HeaderValue;
use nolapse_server::verifier::{
    RevokedTokens,
    fuzzing::{Read, read_feed},
};

/// The longest that a revocation is kept: the longest life of a token, and some.
const MOST: Duration = Duration::from_secs(86_461);
/// The most bytes of an event's data.
const MAX_BYTES: usize = 8_192;

/// Reads the stream and returns whether it has a revocation. However it is cut, it says the same; what is remembered is small,
/// and can be sent back.
///
/// # Panics
/// Panics if something else is read.
#[expect(clippy::must_use_candidate, reason = "a fuzzer wants no answer")]
pub fn check(input: &[u8]) -> bool {
    let Some((&length, stream)) = input.split_first() else {
        return false;
    };
    let whole = read_feed([stream].into_iter());
    let cut = read_feed(stream.chunks(usize::from(length).max(1)));
    assert_eq!(whole.is_some(), cut.is_some(), "one way is refused");
    let Some(events) = whole else {
        return false;
    };
    assert_eq!(Some(&events), cut.as_ref());
    // Each is checked.
    events.iter().filter(|event| check_one(event)).count() > 0
}

fn check_one((_, data, id, revoked): &Read) -> bool {
    assert!(data.len() <= MAX_BYTES);
    if let Some(id) = id {
        assert!(
            HeaderValue::from_str(id).is_ok(),
            "an id that no header can have"
        );
    }
    let Some((tokens, kept)) = revoked else {
        return false;
    };
    let (RevokedTokens::OfSession(id) | RevokedTokens::OfUser(id, _)) = tokens;
    assert!((1..=256).contains(&id.len()));
    assert!(*kept > Duration::ZERO && *kept <= MOST);
    true
}
