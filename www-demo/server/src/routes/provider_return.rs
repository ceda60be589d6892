//! The page that a sign-in through an identity provider returns to: which may be one, and how the browser gets there.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use url::Url;

use super::App;
use crate::providers::{Display, ProviderError, SignInState};

/// The longest `return_to`, in bytes.
const MAX_RETURN_BYTES: usize = 2_048;

/// Returns whether a URL is one of a page that may call.
pub(super) fn is_allowed(app: &App, return_to: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    if return_to.len() > MAX_RETURN_BYTES || !return_to.bytes().all(is_plain) {
        return false;
    }
    let Ok(url) = Url::parse(return_to) else {
        return false;
    };
    // As it is sent, the URL is what was judged.
    let origin = url.origin().ascii_serialization();
    let begins = return_to.strip_prefix(&origin);
    let begins = begins.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    let origin = HeaderValue::try_from(origin);
    begins && origin.is_ok_and(|origin| app.settings.allowed_origins.matches(&origin))
}

/// Returns to the page, by a redirect or by a message to it.
pub(super) fn back(state: &SignInState, error: Option<ProviderError>) -> Response {
    let code = error.map(ProviderError::code);
    let url = match code {
        None => state.return_to.clone(),
        Some(code) => with_error(&state.return_to, code, &state.provider),
    };
    match state.display {
        Display::Redirect => see_other(&url),
        Display::Popup => popup(&url, state, code),
    }
}

/// Sends the browser to a URL, which learns nothing of this one.
pub(super) fn see_other(url: &str) -> Response {
    let location = HeaderValue::try_from(url);
    let location = location.unwrap_or(HeaderValue::from_static("/"));
    let referrer = (header::REFERRER_POLICY, "no-referrer");
    let location = [(header::LOCATION, location)];
    (StatusCode::SEE_OTHER, [referrer], location).into_response()
}

/// Adds an error to the query of a URL that was judged.
fn with_error(return_to: &str, code: &str, provider: &str) -> String {
    let Ok(mut url) = Url::parse(return_to) else {
        return return_to.to_owned();
    };
    url.query_pairs_mut()
        .append_pair("nolapse_error", code)
        .append_pair("nolapse_provider", provider);
    url.into()
}

/// Responds with a page that tells its opener, and closes itself. A window that another page has cut off from its opener
/// (Cross-Origin-Opener-Policy) goes to the page instead.
fn popup(url: &str, state: &SignInState, code: Option<&str>) -> Response {
    let origin = Url::parse(&state.return_to).map(|url| url.origin().ascii_serialization());
    let mut message = serde_json::json!({
        "type": "nolapse:sign-in",
        "provider": state.provider,
    });
    if let Some(code) = code {
        message["error"] = code.into();
    }
    // In a script, only `<` could end it.
    let text = |value: serde_json::Value| value.to_string().replace('<', "\\u003c");
    let (message, url) = (text(message), text(url.into()));
    let origin = text(origin.unwrap_or_default().into());
    let script = format!(
        "if (opener) {{ opener.postMessage({message}, {origin}); close(); }} else location.replace({url});"
    );
    let hash = Base64::encode_string(&Sha256::digest(&script));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign-in</title><script>{script}</script></html>"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
}
