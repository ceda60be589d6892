//! What a browser is told of a session that it has a key for (W3C, Device Bound Session Credentials, "JSON Session
//! Instruction Format").

use nolapse::wire::{
    PASSKEYS_PATH, PASSWORD_PATH, REFRESH_PATH, SESSIONS_PATH, SIGN_OUT_PATH, STEP_UP_PATH,
    TOTP_PATH,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{App, bound_cookie::ATTRIBUTES, dbsc::PROOF_PATH};
use crate::domain::SessionId;

/// The endpoints that want the bound cookie: all that the refresh cookie opens.
const IN_SCOPE: [&str; 7] = [
    REFRESH_PATH,
    SIGN_OUT_PATH,
    SESSIONS_PATH,
    PASSWORD_PATH,
    PASSKEYS_PATH,
    TOTP_PATH,
    STEP_UP_PATH,
];

/// What a browser does for a session that it has a key for.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionInstructions {
    session_identifier: String,
    refresh_url: String,
    scope: Scope,
    credentials: [Credential; 1],
    /// The hosts of pages of other origins.
    allowed_refresh_initiators: Vec<String>,
}

/// The requests that wait for the bound cookie.
#[derive(Serialize, ToSchema)]
struct Scope {
    include_site: bool,
    scope_specification: Vec<ScopeRule>,
}

#[derive(Clone, Serialize, ToSchema)]
struct ScopeRule {
    /// `include` or `exclude`.
    #[serde(rename = "type")]
    kind: &'static str,
    path: String,
}

/// The bound cookie.
#[derive(Serialize, ToSchema)]
#[schema(as = BoundCookie)]
struct Credential {
    /// `cookie`.
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    attributes: &'static str,
}

impl SessionInstructions {
    pub(super) fn of(app: &App, session: SessionId) -> Self {
        let rule = |kind, path: &str| ScopeRule {
            kind,
            path: app.external(path),
        };
        let included: Vec<ScopeRule> = IN_SCOPE.map(|path| rule("include", path)).into();
        let everything = ScopeRule {
            kind: "exclude",
            path: "/".to_owned(),
        };
        // The draft takes the first rule that matches, and Chromium the last.
        let scope_specification = [included.clone(), vec![everything], included].concat();
        Self {
            session_identifier: session.to_string(),
            refresh_url: app.external(PROOF_PATH),
            scope: Scope {
                include_site: false,
                scope_specification,
            },
            credentials: [Credential {
                kind: "cookie",
                name: app.bound_cookie_name(),
                attributes: ATTRIBUTES,
            }],
            allowed_refresh_initiators: app.settings.allowed_origins.host_patterns(),
        }
    }
}
