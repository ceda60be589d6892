//! What a caller waits for, and whether a token meets it.

use super::effect::Answer;
use super::error::SessionError;
use super::ids::{AttemptId, Version};
use super::millis::Millis;
use super::time::Timestamp;
use super::token::Offer;

/// The result for a caller; `None` while it has to wait.
pub(super) type Resolution = Option<Result<Answer, SessionError>>;

/// What a caller waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// A token with at least this validity, requested at this time; `waits_out`: also during a back-off (P49).
    Token {
        min_validity: Millis,
        asked: Timestamp,
        waits_out: bool,
    },
    /// A token other than this version, because the app requested a new one.
    Renewed { than: Version },
    /// A token other than this version, because an API rejected it.
    Replaced { than: Version },
    /// A token from a refresh sent at this time or later, other than the version that the tab had then.
    Forced { asked: Timestamp, than: Version },
    /// The outcome of a sign-in, and the attempt for which its function was called.
    SignIn {
        started: Option<(AttemptId, Timestamp)>,
    },
    /// The notification of the auth server.
    SignOut,
}

/// The kinds of needs that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Token,
    Brief,
    Rejected,
    Explicit,
    SignIn,
    SignOut,
}

impl Need {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Token {
                waits_out: true, ..
            } => Kind::Token,
            Self::Token { .. } => Kind::Brief,
            Self::Replaced { .. } => Kind::Rejected,
            Self::Renewed { .. } | Self::Forced { .. } => Kind::Explicit,
            Self::SignIn { .. } => Kind::SignIn,
            Self::SignOut => Kind::SignOut,
        }
    }

    /// Whether the app requested a new token explicitly; this sends a refresh even when signed out.
    pub(super) const fn is_explicit(self) -> bool {
        matches!(self.kind(), Kind::Explicit)
    }

    /// Returns the result for a caller; `None` if it has to wait.
    pub(super) fn meet(self, now: Timestamp, offer: Offer<'_>) -> Resolution {
        let active = match offer {
            Offer::Nothing => return None,
            Offer::ContextRefused => return Some(Err(SessionError::ContextRefused)),
            Offer::SignedOut { .. } if matches!(self.kind(), Kind::SignIn | Kind::SignOut) => {
                return None;
            }
            Offer::SignedOut {
                reason,
                is_notified,
            } => {
                let asks_server = self.is_explicit() && is_notified;
                return (!asks_server).then_some(Err(SessionError::SignedOut { reason }));
            }
            Offer::Token(active) => active,
        };
        let is_met = match self {
            Self::Token {
                min_validity,
                asked,
                ..
            } => {
                // Another refresh cannot help: the full lifetime is too short, or this token is from less than 1 s before
                // the call, or later.
                let is_new = active.is_own() && active.age(asked) < Millis::from_secs(1);
                let is_met = active.left(now) >= min_validity;
                if !is_met && (is_new || active.usable_lifetime() <= min_validity) {
                    return Some(Err(SessionError::MinValidity));
                }
                is_met
            }
            Self::Renewed { than } | Self::Replaced { than } => active.version() != than,
            Self::Forced { asked, than } => {
                active.is_own() && active.version() != than && active.age(asked).is_zero()
            }
            Self::SignIn { .. } | Self::SignOut => false,
        };
        is_met.then(|| Ok(active.answer()))
    }
}

#[cfg(test)]
mod tests;
