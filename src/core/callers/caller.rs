//! The rules by which a waiting caller is settled.

use super::super::effect::Answer;
use super::super::error::SessionError;
use super::super::ids::AttemptId;
use super::super::need::{Kind, Need, Resolution};
use super::super::time::Timestamp;
use super::super::token::Offer;
use super::Caller;

/// Which callers are settled.
pub(super) enum Rule<'a> {
    /// Those whose need the credential meets, or cannot meet.
    Offered(Timestamp, Offer<'a>),
    /// Those of a token with a deadline before `before`, and with `explicit` those that requested a new token explicitly.
    Rejected {
        error: SessionError,
        before: Timestamp,
        explicit: bool,
    },
    /// Those of a token that do not wait out a back-off.
    Brief(SessionError),
    /// Those that wait for the notification of a sign-out.
    SignedOut { server_notified: bool },
    /// All.
    Closed,
}

impl Caller {
    /// Returns the result by this rule; `None` if the caller keeps waiting.
    pub(super) fn answer(&self, rule: &Rule<'_>) -> Resolution {
        match *rule {
            Rule::Offered(now, offer) => self.need.meet(now, offer.within(&self.context)),
            Rule::Rejected {
                error,
                before,
                explicit,
            } => {
                let applies = self.deadline < before || explicit && self.need.is_explicit();
                applies.then_some(Err(error))
            }
            Rule::Brief(error) => (self.need.kind() == Kind::Brief).then_some(Err(error)),
            Rule::SignedOut { server_notified } => matches!(self.need, Need::SignOut)
                .then_some(Ok(Answer::SignedOut { server_notified })),
            Rule::Closed => Some(Err(SessionError::Closed)),
        }
    }

    /// Returns the attempt and the time of the call of its sign-in function.
    pub(super) fn started(&self) -> Option<(AttemptId, Timestamp)> {
        if let Need::SignIn { started } = self.need {
            started
        } else {
            None
        }
    }
}
