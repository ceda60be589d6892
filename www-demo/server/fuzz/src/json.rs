//! JSON: the input is a body, sent to every endpoint, and a key set.

use nolapse_server::{fuzzing::Endpoint, verifier::KeySet};
use serde_json::Value;

/// Parses the body as each endpoint does and returns whether one accepts it. An accepted body must be an object with
/// known members only, and be accepted again when it is reformatted.
///
/// # Panics
/// Panics if something else is taken.
#[expect(clippy::must_use_candidate, reason = "a fuzzer wants no answer")]
pub fn check(input: &[u8]) -> bool {
    let mut is_taken = false;
    for (endpoint, members) in Endpoint::ALL {
        if !endpoint.takes(input) {
            continue;
        }
        is_taken = true;
        let value: Value = serde_json::from_slice(input).unwrap_or_default();
        let Value::Object(object) = &value else {
            panic!("{endpoint:?} takes what is no object");
        };
        let is_known = object.keys().all(|name| members.contains(&name.as_str()));
        assert!(is_known, "{endpoint:?} takes an unknown member");
        assert!(
            endpoint.takes(value.to_string().as_bytes()),
            "{endpoint:?} takes it once"
        );
    }
    if let Some(keys) = KeySet::from_json(input) {
        assert!(
            KeySet::from_json(keys.to_json().as_bytes()).is_some(),
            "a key set is lost"
        );
    }
    is_taken
}
