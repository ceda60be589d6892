//! Begins the session of a user who was authenticated, by whatever method.

use std::collections::BTreeSet;

use axum::{
    http::{HeaderMap, header},
    response::Response,
};

use super::{App, token_response};
use crate::{
    clock,
    dbsc::Purpose,
    domain::{Authentication, KeyThumbprint, NewSession, Proof, SignOutScope, Timestamp, User},
    problem::Problem,
};

/// The longest label of a device, in characters.
const MAX_DEVICE_CHARS: usize = 60;

/// A user who was authenticated, and what was requested for the session.
pub(super) struct SignedIn<'a> {
    /// The user.
    pub(super) user: User,
    /// When and how.
    pub(super) authentication: Authentication,
    /// The contexts that the response has access tokens for.
    pub(super) contexts: &'a BTreeSet<String>,
    /// The proof of the key that the session is bound to from now on.
    pub(super) proof: Option<Proof>,
}

impl<'a> SignedIn<'a> {
    /// Creates one by password alone.
    pub(super) fn by_password(now: Timestamp, user: User, contexts: &'a BTreeSet<String>) -> Self {
        Self {
            user,
            authentication: Authentication::by_password(now),
            contexts,
            proof: None,
        }
    }

    /// Binds the session to the key of a proof, if there is one.
    pub(super) const fn with_proof(mut self, proof: Option<Proof>) -> Self {
        self.proof = proof;
        self
    }
}

/// Begins a session and returns its tokens and cookies; the session of a cookie in the request ends, if it is bound to no other key. `None` if the
/// password was changed or the user disabled or deleted since the user was read.
pub(super) async fn begin(
    app: &App,
    now: Timestamp,
    headers: &HeaderMap,
    signed_in: SignedIn<'_>,
) -> Result<Option<Response>, Problem> {
    let SignedIn {
        user,
        authentication,
        contexts,
        proof,
    } = signed_in;
    if let Some(before) = app.refresh_token(headers) {
        let shown = app.possession(headers, proof.as_ref());
        // One that is bound to another key is none of this browser's any more, and goes on until it is idle.
        let ended = app
            .sessions
            .sign_out(now, &before, SignOutScope::Here, &shown);
        let _ = ended.await?;
    }
    let new = new_session(app, headers, authentication, proof.map(|proof| proof.jkt));
    let (id, secret) = (clock::random(), clock::random());
    let begun = app.sessions.sign_in(now, user, new, id, secret).await?;
    let Some(grant) = begun else {
        return Ok(None);
    };
    tracing::info!(session = %grant.session.id, user = %grant.user.id, "signed in");
    let mut response = token_response::grant(app, now, &grant, contexts, None).await?;
    let (email, cookies) = (&grant.user.email, &app.settings.cookies);
    let known = app.devices.issue(now, headers, email, cookies);
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, known);
    app.ask_for_key(now, Purpose::Registration, grant.session.id, headers);
    Ok(Some(response))
}

/// Returns what a session begins with; it is bound to the key, unless `DEVICE_BINDING` is off.
pub(super) fn new_session(
    app: &App,
    headers: &HeaderMap,
    authentication: Authentication,
    key: Option<KeyThumbprint>,
) -> NewSession {
    NewSession {
        device: device(headers),
        authentication,
        jkt: key.filter(|_| app.settings.device_binding),
    }
}

/// Returns a device's label: its browser and system, if they are known.
fn device(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let first = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) if agent.is_empty() => "unknown device".to_owned(),
        (None, None) => agent.chars().take(MAX_DEVICE_CHARS).collect(),
    }
}
