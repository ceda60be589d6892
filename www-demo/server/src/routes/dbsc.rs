//! `POST /auth/dbsc/registration` and `POST /auth/dbsc/refresh`: what browsers call by themselves (W3C, Device Bound Session
//! Credentials). Pages call neither.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, ErrorCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App, limits::Throttled, security_events::note, session_instructions::SessionInstructions,
    signed::SUPERSEDED,
};
use crate::{
    clock,
    dbsc::{DbscProof, Purpose},
    domain::{Applied, Presented, Registration, Session, SessionId, Timestamp, User},
    problem::{Body, Problem},
};

/// Where a browser registers its key.
pub(super) const REGISTRATION_PATH: &str = "/auth/dbsc/registration";
/// Where a browser proves its key, for a bound cookie.
pub(super) const PROOF_PATH: &str = "/auth/dbsc/refresh";

const PROOF_HEADER: HeaderName = HeaderName::from_static("secure-session-response");
const CHALLENGE_HEADER: HeaderName = HeaderName::from_static("secure-session-challenge");
const ID_HEADER: HeaderName = HeaderName::from_static("sec-secure-session-id");

/// What a browser does from now on.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Proved {
    GoesOn(SessionInstructions),
    Over(SessionTermination),
}

/// Tells a browser to forget a session.
#[derive(Serialize, ToSchema)]
struct SessionTermination {
    session_identifier: String,
    /// False.
    #[serde(rename = "continue")]
    goes_on: bool,
}

/// Registers the key of a browser for the session that a sign-in has just begun.
///
/// Once, with the challenge of the sign-in's own response, which a copy of the cookie has not, and with the cookie, which scripts
/// that read the response have not. The bound cookie is for who proves the key afterwards.
#[utoipa::path(
    post,
    path = REGISTRATION_PATH,
    params(("secure-session-response" = Option<String>, Header, description = "the proof of the browser's key, with the key")),
    responses(
        (status = 200, body = SessionInstructions),
        (status = 400, description = "no proof of a key, a challenge that has expired, or another key is registered", body = Body),
        (status = 401, description = "no cookie of a live session; reason says why", body = Body),
        (status = 403, description = "sent by a script", body = Body),
        Throttled,
    ),
    security(("cookie" = []))
)]
pub(super) async fn register_key(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<SessionInstructions>, Problem> {
    if is_of_script(&headers) {
        app.counters.count("forbidden_origin");
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            ErrorCode::ForbiddenOrigin,
            "the browser registers its key by itself",
        ));
    }
    let now = clock::now();
    let proof = proof(&headers).ok_or(NO_PROOF)?;
    let key = proof.own_key().ok_or(NO_PROOF)?;
    let challenged =
        app.dbsc
            .read_challenge(now, Purpose::RegistrationAfterNavigation, proof.challenge());
    let (session, user) = match challenged {
        Some((id, _)) => {
            app.limits.sessions.registration(now, id)?;
            let alive = app.sessions.find_alive(now, id).await?;
            alive.ok_or(Problem::session_ended(EndReason::NoCookie))?
        }
        None => with_cookie(&app, now, &headers, proof.challenge()).await?,
    };
    note(|subject| {
        subject.session = Some(session.id);
        subject.user = Some(user.id);
    });
    if app.store.register_key(session.id, &key).await? == Applied::No {
        note(|subject| {
            subject.result = Some("refused");
            subject.reason = Some("other_key");
        });
        return Err(Problem::invalid("another key is registered"));
    }
    app.counters.count("keys_registered");
    Ok(Json(SessionInstructions::of(&app, session.id)))
}

/// Finds the live session of a request's cookie, and checks that the challenge is for it.
async fn with_cookie(
    app: &App,
    now: Timestamp,
    headers: &HeaderMap,
    challenge: &str,
) -> Result<(Session, User), Problem> {
    let token = app.refresh_token(headers);
    let token = token.ok_or(Problem::session_ended(EndReason::NoCookie))?;
    note(|subject| subject.session = Some(token.session));
    let challenged = app
        .dbsc
        .read_challenge(now, Purpose::Registration, challenge);
    if challenged.is_none_or(|(session, _)| session != token.session) {
        return Err(Problem::invalid(
            "the challenge is not the one of this session's sign-in, or too old",
        ));
    }
    app.limits.sessions.registration(now, token.session)?;
    match app.sessions.present(now, &token).await? {
        Presented::Newest(alive) | Presented::Replaced(alive) => Ok(*alive),
        Presented::Superseded => Err(SUPERSEDED),
        Presented::Refused(reason) => Err(Problem::session_ended(reason)),
    }
}

const NO_PROOF: Problem =
    Problem::invalid("Secure-Session-Response must be a dbsc+jwt with jti, signed by its jwk");

/// Exchanges a proof of the browser's key for a bound cookie.
///
/// Without a proof, or with one of a challenge that has expired or was used, responds 403 with a challenge, as the draft has it.
/// Tells the browser to forget a session that has ended, or whose refresh cookie it has no more.
#[utoipa::path(
    post,
    path = PROOF_PATH,
    params(
        ("sec-secure-session-id" = String, Header, description = "the session"),
        ("secure-session-response" = Option<String>, Header, description = "the proof of the browser's key"),
    ),
    responses(
        (status = 200, body = Proved, headers(("set-cookie" = String))),
        (status = 401, description = "the proof is by another key than the session's", body = Body),
        (status = 403, description = "the challenge to prove the key with", body = Body, headers(("secure-session-challenge" = String))),
        Throttled,
    ),
    security(("cookie" = []))
)]
pub(super) async fn prove_key(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = clock::now();
    let id = text(&headers, &ID_HEADER).and_then(SessionId::parse);
    let id = id.ok_or(Problem::invalid("Sec-Secure-Session-Id must be a session"))?;
    note(|subject| subject.session = Some(id));
    let Some(token) = app.refresh_token(&headers) else {
        if app.keys.is_behind() {
            // Another server may have encoded it with a key that this one lacks.
            return Err(Problem::unavailable("the key file is out of date", 5));
        }
        return Ok(terminate(id));
    };
    if token.session != id {
        // A later sign-in has replaced it: its bound cookie would take the place of the later session's.
        return Ok(terminate(id));
    }
    let Some(proof) = proof(&headers) else {
        return Ok(challenge(&app, now, id));
    };
    let challenged = app
        .dbsc
        .read_challenge(now, Purpose::Refresh, proof.challenge());
    let challenged = challenged.filter(|(session, _)| *session == id);
    let Some((_, challenged_at)) = challenged else {
        return Ok(challenge(&app, now, id));
    };
    let limits = &app.limits.sessions;
    limits.key_proof(&*app.store, now, id, &proof).await?;
    let Some(registration) = registration(&app, id).await? else {
        return Ok(terminate(id));
    };
    if !proof.is_signed_by(&registration.key) {
        app.counters.count("proofs_refused");
        note(|subject| subject.reason = Some("other_key"));
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::InvalidDpopProof,
            "the proof is not by the key of the session",
        ));
    }
    if app.store.record_key_proof(id, challenged_at).await? == Applied::No {
        limits.challenge_was_used(now, id, &proof);
        let Some(registration) = self::registration(&app, id).await? else {
            return Ok(terminate(id));
        };
        // Later than the last one, which a server whose clock is ahead may have made.
        let last = registration.proved_at.unwrap_or(now);
        let next = last + std::time::Duration::from_millis(1);
        return Ok(challenge(&app, now.max(next), id));
    }
    app.counters.count("keys_proved");
    let instructions = SessionInstructions::of(&app, id);
    let mut response = Json(Proved::GoesOn(instructions)).into_response();
    app.bind(now, id, response.headers_mut());
    Ok(response)
}

/// Returns whether a script has sent a request with a header of its own: one that was injected into a page of this origin could
/// read the challenge and register a key that leaves the browser. Browsers send theirs in the mode `no-cors`, in which scripts
/// have no such headers (Fetch, "request-no-cors").
fn is_of_script(headers: &HeaderMap) -> bool {
    let mode = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
    matches!(mode, Some(b"cors" | b"same-origin"))
}

/// Finds the key of a session that has not ended. One that has reached a limit, or whose user was disabled, is ended by the next
/// refresh, which needs the bound cookie to say why.
async fn registration(app: &App, id: SessionId) -> Result<Option<Registration>, Problem> {
    let row = app.store.session(id).await?;
    let row = row.filter(|(session, _)| session.ended.is_none());
    Ok(row.and_then(|(session, _)| session.registration))
}

/// Reads the proof of a request; `None` if there is none, or it is malformed.
fn proof(headers: &HeaderMap) -> Option<DbscProof<'_>> {
    DbscProof::parse(text(headers, &PROOF_HEADER)?).ok()
}

/// Reads a string of structured fields (RFC 9651 §3.3.3) without escapes, which neither ids nor proofs have; also without its
/// quotes.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let quoted = only.strip_prefix('"');
    quoted.map_or(Some(only), |rest| {
        rest.split_once('"').map(|(text, _)| text)
    })
}

/// Asks for a proof. The draft has 403 for it, whatever else is a 401 here.
fn challenge(app: &App, at: Timestamp, id: SessionId) -> Response {
    let problem = Problem::new(
        StatusCode::FORBIDDEN,
        ErrorCode::InvalidDpopProof,
        "sign the challenge",
    );
    let mut response = problem.into_response();
    let challenge = app.dbsc.challenge(at, Purpose::Refresh, id);
    if let Ok(value) = HeaderValue::try_from(format!(r#""{challenge}";id="{id}""#)) {
        response.headers_mut().insert(CHALLENGE_HEADER, value);
    }
    response
}

fn terminate(id: SessionId) -> Response {
    let termination = SessionTermination {
        session_identifier: id.to_string(),
        goes_on: false,
    };
    Json(Proved::Over(termination)).into_response()
}
