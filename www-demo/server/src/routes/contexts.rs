//! The contexts of a sign-in or a refresh, and their access tokens.

use std::collections::{BTreeMap, BTreeSet};

use nolapse::wire::{MAX_CONTEXT_BYTES, MAX_CONTEXTS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use crate::{
    domain::{Session, Timestamp, User},
    problem::Problem,
    tokens,
};

/// The `error` of a refused context (RFC 8707 §2).
const INVALID_TARGET: &str = "invalid_target";

/// The names of the contexts that a request asks tokens for.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct ContextNames(Vec<String>);

/// The access token of a context, or why there is none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ContextToken {
    /// The access token.
    Granted {
        /// The access token.
        access_token: String,
    },
    /// The user may not have tokens of this context.
    Refused {
        /// `invalid_target`.
        error: &'static str,
    },
}

/// The access tokens by the names of their contexts.
pub(super) type ContextTokens = BTreeMap<String, ContextToken>;

impl ContextNames {
    /// Checks the names.
    pub(super) fn parse(self) -> Result<BTreeSet<String>, Problem> {
        let is_name = |name: &String| {
            (1..=MAX_CONTEXT_BYTES).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.0.len() > MAX_CONTEXTS || !self.0.iter().all(is_name) {
            return Err(Problem::invalid(
                "contexts must be at most 16 names of 1 to 100 visible ASCII characters",
            ));
        }
        Ok(self.0.into_iter().collect())
    }
}

/// Signs a token of each context that the user may have.
pub(super) async fn sign(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
    names: &BTreeSet<String>,
) -> Result<ContextTokens, Problem> {
    let mut signed = BTreeMap::new();
    for name in names {
        let token = if let Some(context) = app.contexts.grant(user, name).await? {
            let keys = app.keys.keys();
            let context = (name.as_str(), &context);
            let signed =
                tokens::issue_within(now, &app.tokens, &keys.current, session, user, context);
            ContextToken::Granted {
                access_token: signed.map_err(|_| Problem::internal())?,
            }
        } else {
            app.counters.count("contexts_refused");
            ContextToken::Refused {
                error: INVALID_TARGET,
            }
        };
        signed.insert(name.clone(), token);
    }
    Ok(signed)
}
