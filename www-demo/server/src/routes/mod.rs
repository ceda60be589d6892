//! The HTTP layer: one file per endpoint or rule.

mod accounts;
mod address;
mod api;
mod body;
mod bound_cookie;
mod ceremonies;
mod contexts;
mod cookie;
mod counters;
mod cross_origin;
mod dbsc;
mod demo;
mod device;
mod event_stream;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod health;
mod host;
mod jwks;
mod known_keys;
mod limits;
mod look_up;
mod metadata;
mod metrics;
mod openapi;
mod outage;
mod passkey_registration;
mod passkey_sign_in;
mod passkey_sign_up;
mod passkeys;
mod password;
mod path_id;
mod proof;
mod provider_callback;
mod provider_logout;
mod provider_return;
mod providers;
mod recent;
mod refresh;
mod request_log;
mod response_headers;
mod revocations;
mod said;
mod schemas;
mod second_factor;
mod security_events;
mod servers;
mod session_instructions;
mod session_limits;
mod sessions;
mod sign_in;
mod sign_out;
mod signed;
mod site;
mod site_path;
mod state;
mod step_up;
mod token_response;
mod totp;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use nolapse::wire::ErrorCode;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use cookie::CookieRules;
pub use counters::Counters;
use cross_origin::{Guarded, Versioning};
pub(crate) use device::DeviceKey;
pub(crate) use limits::Limits;
pub(crate) use metrics::routes as metrics;
pub(crate) use outage::Outages;
pub(crate) use revocations::MAX_STREAMS;
pub(crate) use security_events::SecurityCounts;
pub(crate) use state::{App, Settings};

use crate::problem::Problem;

/// The methods of endpoints that have several.
const ALL_METHODS: &[Method] = &[Method::GET, Method::HEAD, Method::POST, Method::DELETE];

/// The largest body that any endpoint takes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The endpoints of the contract, for an app that merges them with its own.
pub(crate) fn contract(app: &App) -> Router {
    with_accounts(mounted(app), app)
}

/// Adds the endpoints again below the path of each further account.
fn with_accounts(router: Router, app: &App) -> Router {
    let accounts = app.settings.accounts.iter();
    let accounts = accounts.map(|account| app.of_account(account));
    accounts.fold(router, |router, app| {
        router.nest(&app.settings.mount, mounted(&app))
    })
}

fn mounted(app: &App) -> Router {
    let router = Router::from(endpoints(app))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(refuse_query));
    with_layers(router, app)
}

fn endpoints(app: &App) -> OpenApiRouter<App> {
    use Versioning::{Header, HeaderOrBody};
    let mut throttled = OpenApiRouter::new()
        .routes(routes!(accounts::sign_in))
        .routes(routes!(second_factor::sign_in))
        .routes(routes!(refresh::refresh));
    let mut with_cookie = OpenApiRouter::new().routes(routes!(passkey_sign_in::options));
    if app.settings.sign_up {
        throttled = throttled.routes(routes!(accounts::sign_up));
    }
    // Accounts without a password are rows of the store's own.
    if app.settings.sign_up && app.passwords.is_some() {
        throttled = throttled.routes(routes!(passkey_sign_up::sign_up));
        with_cookie = with_cookie.routes(routes!(passkey_sign_up::options));
    }
    let issuing = openapi::throttled(throttled).routes(routes!(passkey_sign_in::sign_in));
    let mut signing_out = OpenApiRouter::new().routes(routes!(sign_out::sign_out));
    if !app.providers.all().is_empty() {
        signing_out = openapi::signing_out(signing_out);
    }
    let with_cookie = with_cookie
        .merge(openapi::issuing(issuing))
        .merge(signing_out);
    let guarded = |endpoints, methods, wants_cookie, version| {
        let app = app.clone();
        let guard = Guarded {
            app,
            methods,
            wants_cookie,
            version,
        };
        openapi::guarded(endpoints, guard)
    };
    let pushing = Guarded {
        app: app.clone(),
        methods: &[Method::GET, Method::HEAD],
        wants_cookie: false,
        version: Versioning::Absent,
    };
    let pushing = openapi::guarded(
        OpenApiRouter::new().routes(routes!(events::events)),
        pushing,
    );
    let list = OpenApiRouter::new().routes(routes!(sessions::list));
    let revoke = OpenApiRouter::new().routes(routes!(sessions::revoke));
    let own = OpenApiRouter::new()
        .routes(routes!(passkeys::list, passkey_registration::register))
        .routes(routes!(passkeys::rename, passkeys::remove))
        .routes(routes!(passkey_registration::options))
        .routes(routes!(totp::state, totp::begin, totp::remove))
        .routes(routes!(totp::confirm))
        .routes(routes!(totp::replace_codes))
        .routes(routes!(step_up::options));
    let step_up = OpenApiRouter::new().routes(routes!(step_up::step_up));
    let mut router = OpenApiRouter::new()
        .merge(guarded(with_cookie, &[Method::POST], false, HeaderOrBody))
        .merge(pushing)
        .merge(guarded(list, &[Method::GET, Method::HEAD], true, Header))
        .merge(guarded(revoke, &[Method::DELETE], true, Header))
        .merge(guarded(step_up, &[Method::POST], true, HeaderOrBody))
        .merge(guarded(own, ALL_METHODS, true, Header));
    if app.passwords.is_some() {
        let password = OpenApiRouter::new().routes(routes!(password::change));
        router = router.merge(guarded(password, &[Method::POST], true, Header));
    }
    if app.settings.mount.is_empty() {
        // The path of RFC 8414 §3.1 for an issuer that is an origin.
        router = router.routes(routes!(metadata::metadata));
    }
    let for_servers = OpenApiRouter::new()
        .routes(routes!(look_up::look_up))
        .routes(routes!(revocations::stream));
    if !app.providers.all().is_empty() {
        router = router
            .routes(routes!(providers::sign_in))
            .routes(routes!(provider_callback::callback))
            .routes(routes!(provider_logout::logout));
    }
    router
        .merge(openapi::for_servers(for_servers))
        .routes(routes!(dbsc::register_key))
        .routes(routes!(dbsc::prove_key))
        .routes(routes!(providers::list))
        .routes(routes!(jwks::keys))
}

/// The origin of the reference auth server: the contract, health checks, page and, with `DEMO=1`, the demo controls.
pub(crate) fn auth(app: &App) -> Router {
    let mut router = endpoints(app)
        .routes(routes!(site::config))
        .merge(health::routes());
    if app.settings.demo {
        router = router.merge(demo::routes());
    }
    let router = openapi::serve(router, app, "nolapse auth server")
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(refuse_query));
    let router = match &app.settings.site_dir {
        Some(folder) => router.fallback_service(site::files(app, folder)),
        None => router.fallback(not_found),
    };
    with_accounts(with_layers(router, app), app)
}

/// The reference API: an origin of its own, which verifies access tokens without a query.
pub(crate) fn api(app: &App) -> Router {
    let router = api::routes(app).merge(health::routes());
    let router = openapi::serve(router, app, "nolapse API")
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(middleware::from_fn(refuse_query));
    with_layers(router, app)
}

fn with_layers(router: Router<App>, app: &App) -> Router {
    let router = router
        .layer(middleware::from_fn_with_state(app.clone(), timeout))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(cross_origin::cors(&app.settings.allowed_origins))
        .layer(middleware::from_fn(host::check))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            request_log::log_request,
        ))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            security_events::record,
        ));
    router
        .layer(middleware::from_fn(response_headers::complete))
        .with_state(app.clone())
}

/// Responds 503 if a handler, or the client's body, takes too long.
async fn timeout(State(app): State<App>, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(app.settings.request_timeout, next.run(request)).await;
    answered
        .unwrap_or_else(|_| Problem::unavailable("the request took too long", 2).into_response())
}

async fn not_found() -> Problem {
    Problem::not_found()
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::MethodNotAllowed,
        "the path exists, the method does not; Allow lists those that do",
    )
}

/// Refuses queries: no endpoint but those of a provider's redirects takes one, and a token in a URL would end up in logs (RFC 9700 §4.3.2).
async fn refuse_query(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let takes_query = site::owns(path) || providers::takes_query(path);
    if request.uri().query().is_some() && !takes_query {
        return Problem::invalid("this path takes no query").into_response();
    }
    next.run(request).await
}
