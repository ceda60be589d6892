//! The reference API: notes, the token's claims, and a report for admins.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Extension, FromRequestParts, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use nolapse::wire::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    App, body::StrictJson, limits::Throttled, openapi, path_id::PathId, recent, schemas,
    security_events::note,
};
use crate::{
    clock,
    domain::{Applied, Note, NoteAdded, NoteId, Role, SessionId, StoreError, Timestamp, UserId},
    problem::{Body, Problem},
    verifier::{Insufficient, Live, Refusal, Refused, Verified},
};

/// A note to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNote {
    /// Spaces around it (Unicode's `White_Space`) count, but are not kept; there must be something else, and no NUL.
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = "^[^\0]*[^\0\t-\r \u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}][^\0]*$"
    )]
    text: String,
}

/// A note as its user sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Note)]
struct NoteView {
    id: String,
    text: String,
    /// Milliseconds since the Unix epoch.
    created_at: u64,
}

/// The notes of a user, newest first.
#[derive(Serialize, ToSchema)]
struct Notes {
    notes: Vec<NoteView>,
}

/// The claims of a token. Times are seconds since the Unix epoch.
#[derive(Serialize, ToSchema)]
struct Me {
    id: String,
    session: String,
    #[schema(schema_with = schemas::role)]
    role: String,
    #[schema(required)]
    signed_in_at: Option<u64>,
    token_issued_at: u64,
    token_expires_at: u64,
}

/// Event counters, by name.
#[derive(Serialize, ToSchema)]
struct Report {
    counters: BTreeMap<&'static str, u64>,
}

impl From<Note> for NoteView {
    fn from(note: Note) -> Self {
        Self {
            id: note.id.to_string(),
            text: note.text,
            created_at: note.created_at.as_millis(),
        }
    }
}

pub(super) fn routes(app: &App) -> OpenApiRouter<App> {
    let endpoints = OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(list_notes, add_note))
        .routes(routes!(delete_note))
        .routes(routes!(report))
        .routes(routes!(delete_account))
        .route_layer(middleware::from_fn_with_state(app.clone(), require_token));
    openapi::with_token(endpoints)
}

/// Requires a valid access token. Makes no query.
async fn require_token(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let mut response = match app.verifier.authorize(request.headers()).await {
        Ok(token) => {
            app.counters.count("api_accepted");
            request.extensions_mut().insert(token);
            next.run(request).await
        }
        Err(Refused(refusal)) => {
            app.counters.count(counter(refusal));
            Refused(refusal).into_response()
        }
    };
    let private = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, private);
    response
}

const fn counter(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "api_refused_missing",
        Refusal::Oversize => "api_refused_oversize",
        Refusal::Malformed => "api_refused_malformed",
        Refusal::Algorithm => "api_refused_algorithm",
        Refusal::Type => "api_refused_type",
        Refusal::Header => "api_refused_header",
        Refusal::UnknownKey => "api_refused_unknown_key",
        Refusal::Signature => "api_refused_signature",
        Refusal::Issuer => "api_refused_issuer",
        Refusal::Audience => "api_refused_audience",
        Refusal::Expired => "api_refused_expired",
        Refusal::Early => "api_refused_early",
        Refusal::Revoked => "api_refused_revoked",
        Refusal::NoKeys => "api_refused_no_keys",
    }
}

/// Returns the claims of the caller's token. Makes no query.
#[utoipa::path(
    get,
    path = "/me",
    responses((status = 200, body = Me))
)]
async fn me(Extension(token): Extension<Verified>) -> Json<Me> {
    Json(Me {
        id: token.subject,
        session: token.session,
        role: token.role,
        signed_in_at: token.authenticated_at.map(Timestamp::as_secs),
        token_issued_at: token.issued_at.as_secs(),
        token_expires_at: token.expires_at.as_secs(),
    })
}

/// Lists the notes of the user, at most 100.
#[utoipa::path(
    get,
    path = "/notes",
    responses((status = 200, body = Notes))
)]
async fn list_notes(State(app): State<App>, Caller(user): Caller) -> Result<Json<Notes>, ApiError> {
    let notes = app.store.notes_of(user).await?;
    if notes.is_empty() {
        refuse_deleted(&app, user).await?;
    }
    let notes = notes.into_iter().map(NoteView::from).collect();
    Ok(Json(Notes { notes }))
}

/// Writes a note.
#[utoipa::path(
    post,
    path = "/notes",
    request_body = NewNote,
    responses(
        (status = 201, body = NoteView),
        (status = 409, description = "the user has as many notes as are allowed", body = Body),
        Throttled,
    )
)]
async fn add_note(
    State(app): State<App>,
    Caller(user): Caller,
    StrictJson(new): StrictJson<NewNote>,
) -> Result<(StatusCode, Json<NoteView>), ApiError> {
    let id = NoteId::from_bytes(clock::random());
    let note = Note::write(clock::now(), id, &new.text).ok_or(BAD_TEXT)?;
    app.limits.note(clock::now(), user)?;
    let added = app.store.add_note(user, &note, app.settings.notes_per_user);
    match added.await? {
        NoteAdded::Yes => Ok((StatusCode::CREATED, Json(note.into()))),
        NoteAdded::LimitReached => Err(TOO_MANY_NOTES.into()),
        NoteAdded::NoUser => Err(DELETED.into()),
    }
}

const BAD_TEXT: Problem = Problem::invalid("text must have 1 to 2000 characters, and no NUL");

const TOO_MANY_NOTES: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::LimitReached,
    "the user has as many notes as are allowed; delete some first",
);

/// Deletes a note. Another user's note is 404.
#[utoipa::path(
    delete,
    path = "/notes/{id}",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, description = "no note of the user", body = Body))
)]
async fn delete_note(
    State(app): State<App>,
    Caller(user): Caller,
    PathId(id): PathId<NoteId>,
) -> Result<StatusCode, ApiError> {
    match app.store.delete_note(user, id).await? {
        Applied::Yes => Ok(StatusCode::NO_CONTENT),
        Applied::No => {
            refuse_deleted(&app, user).await?;
            Err(Problem::not_found().into())
        }
    }
}

/// Deletes the caller's account with all its data. Requires a live session and a recent sign-in besides the token.
#[utoipa::path(
    delete,
    path = "/account",
    responses(
        (status = 204),
        (status = 401, description = "no token of a live session, or a sign-in too long ago", body = Body),
    )
)]
async fn delete_account(State(app): State<App>, Live(token): Live) -> Result<StatusCode, ApiError> {
    let Caller(user) = Caller::of(&token)?;
    let totp = app.store.totp(user).await?;
    token.step_up(clock::now(), recent::requirement(&app, totp.as_ref()))?;
    note(|subject| {
        subject.user = Some(user);
        subject.session = SessionId::parse(&token.session);
    });
    app.store.delete_user(user).await?;
    tracing::info!(%user, "account deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the event counters, for admins only.
#[utoipa::path(
    get,
    path = "/admin/report",
    responses(
        (status = 200, body = Report),
        (status = 403, description = "the token is not an admin's", body = Body),
    )
)]
async fn report(
    State(app): State<App>,
    Extension(token): Extension<Verified>,
) -> Result<Json<Report>, Response> {
    note(|subject| {
        subject.user = UserId::parse(&token.subject);
        subject.session = SessionId::parse(&token.session);
    });
    if Role::parse(&token.role) != Some(Role::Admin) {
        let text = "this is for admins";
        let status = StatusCode::FORBIDDEN;
        let problem = Problem::new(status, ErrorCode::InsufficientScope, text);
        let mut response = problem.into_response();
        let challenge = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        return Err(response);
    }
    let counters = app.counters.read();
    Ok(Json(Report { counters }))
}

/// Refuses the token of an account that was deleted while the token lived.
async fn refuse_deleted(app: &App, user: UserId) -> Result<(), ApiError> {
    let exists = app.store.has_user(user).await?;
    if exists { Ok(()) } else { Err(DELETED.into()) }
}

const DELETED: Refused = Refused(Refusal::Expired);

/// The user of the request's token; 404 if the id is not of this server's form.
struct Caller(UserId);

impl Caller {
    fn of(token: &Verified) -> Result<Self, Problem> {
        let user = UserId::parse(&token.subject);
        user.map(Self).ok_or(Problem::not_found())
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Extension(token) = Extension::<Verified>::from_request_parts(parts, app)
            .await
            .map_err(|_| Refused(Refusal::Missing))?;
        Ok(Self::of(&token)?)
    }
}

/// An error response, with the challenge of RFC 6750 if the token is the cause.
struct ApiError(Response);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem.into_response())
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self(refused.into_response())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Insufficient> for ApiError {
    fn from(insufficient: Insufficient) -> Self {
        Self(insufficient.into_response())
    }
}
