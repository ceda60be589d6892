//! Changes of what a user signs in with require a recent authentication, and one of two factors where the user has them.

use super::{App, signed::Signed};
use crate::{
    clock,
    domain::{AuthenticationContext, Totp},
    problem::Problem,
    verifier::StepUp,
};

/// Refuses a session whose user was authenticated too long ago or too weakly, with the challenge of RFC 9470 §3.
pub(super) async fn require(app: &App, signed: &Signed) -> Result<(), Problem> {
    let totp = app.store.totp(signed.user.id).await?;
    let required = requirement(app, totp.as_ref());
    let authentication = &signed.session.authentication;
    let (at, context) = (authentication.at, authentication.context());
    if required.is_met(clock::now(), Some(at), Some(context)) {
        Ok(())
    } else {
        Err(Problem::step_up(required))
    }
}

/// Returns what a sensitive route requires: whoever has a second factor has to show it.
pub(super) fn requirement(app: &App, totp: Option<&Totp>) -> StepUp {
    let recent = StepUp::within(app.settings.recent_sign_in);
    if totp.is_some_and(|totp| totp.is_confirmed) {
        recent.as_strong_as(AuthenticationContext::TwoFactors)
    } else {
        recent
    }
}
