//! Request targets: the input is a path with, perhaps, a query.

use axum::http::{StatusCode, Uri};
use nolapse_server::{
    domain::{NoteId, SessionId},
    fuzzing,
};

use crate::now;

/// Returns whether the target passes the layers before the endpoints. No endpoint's target may pass with a query, and an
/// id in a path has one form.
///
/// # Panics
/// Panics if one does, or has two.
#[expect(clippy::must_use_candidate, reason = "a fuzzer wants no answer")]
pub fn check(input: &[u8]) -> bool {
    let Ok(target) = Uri::try_from(input) else {
        return false;
    };
    let path = target.path().to_owned();
    let is_asked = target.query().is_some();
    let is_endpoint = ["/auth/", "/notes", "/me", "/account", "/.well-known/"];
    let is_endpoint = is_endpoint.iter().any(|one| path.starts_with(one));
    let status = now(fuzzing::before_endpoints(target));
    match (is_asked, is_endpoint) {
        (true, true) => assert_eq!(status, StatusCode::BAD_REQUEST),
        (true, false) => assert!([StatusCode::OK, StatusCode::BAD_REQUEST].contains(&status)),
        (false, _) => assert_eq!(status, StatusCode::OK),
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let names = [
        SessionId::parse(last).map(|id| id.to_string()),
        NoteId::parse(last).map(|id| id.to_string()),
    ];
    for name in names.into_iter().flatten() {
        assert_eq!(name, last, "two spellings of one name");
    }
    status == StatusCode::OK
}
