//! The inputs of the core: events that the host reports.

use std::rc::Rc;

use crate::wire::EndReason;

use super::error::FailureCause;
use super::grant::{Grant, UnexpectedAnswer};
use super::ids::{AttemptId, CallerId, Version};
use super::millis::Millis;
use super::tab_message::TabMessage;

/// An event reported by the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The page has started; the storage record shows whether there may be a session.
    Started,
    /// A caller requests a token with a minimum remaining lifetime.
    TokenRequested {
        /// The caller.
        caller: CallerId,
        /// The minimum remaining lifetime.
        min_validity: Millis,
        /// Whether the caller waits for the auth server to recover (P49), or is rejected at the first failure.
        waits_out: bool,
        /// The context of the token; empty for none.
        context: Rc<str>,
    },
    /// The app requested a new token.
    RefreshRequested {
        /// The caller.
        caller: CallerId,
        /// Whether the token must come from a refresh sent from now on.
        force: bool,
    },
    /// An API rejected an unexpired token.
    TokenRejected {
        /// The caller.
        caller: CallerId,
        /// The version of the rejected token.
        version: Version,
        /// The context of the token; empty for none.
        context: Rc<str>,
    },
    /// A caller no longer waits for its token. A sign-in or sign-out cannot be aborted.
    CallerAborted {
        /// The caller.
        caller: CallerId,
    },
    /// The app signs in with its own function, which must not run during a refresh of any tab.
    SignInRequested {
        /// The caller.
        caller: CallerId,
    },
    /// The app's sign-in function has finished.
    SignInFinished {
        /// The attempt it was started for.
        attempt: AttemptId,
        /// The outcome.
        outcome: SignInOutcome,
    },
    /// The app provides the token response of its own sign-in.
    TokensProvided {
        /// The caller.
        caller: CallerId,
        /// The parsed token response.
        outcome: SignInOutcome,
    },
    /// The user signs out.
    SignOutRequested {
        /// The caller.
        caller: CallerId,
        /// Whether all the user's sessions are to end.
        everywhere: bool,
    },
    /// The sign-out request has finished or failed.
    SignOutFinished {
        /// The attempt.
        attempt: AttemptId,
        /// The outcome.
        outcome: SignOutOutcome,
    },
    /// The lock was granted to this tab.
    LockGranted {
        /// The attempt that requested it.
        attempt: AttemptId,
    },
    /// The lock is unavailable: Web Locks are missing, the request threw, or the lock was stolen.
    LockFailed {
        /// The attempt that requested it.
        attempt: AttemptId,
    },
    /// The refresh has finished or failed.
    RefreshFinished {
        /// The attempt.
        attempt: AttemptId,
        /// The outcome.
        outcome: RefreshOutcome,
    },
    /// The app made a call or the user gave input. The host sends it once a second at most.
    Active,
    /// A message of another tab.
    TabMessageReceived(TabMessage),
    /// A message or an input that cannot be decoded.
    Malformed,
    /// A push message: the auth server tells that the session may have ended.
    PushReceived,
    /// The push stream ended, or could not be opened.
    StreamEnded {
        /// Whether it had been opened.
        was_open: bool,
    },
    /// Another tab wrote the storage record.
    StorageChanged,
    /// The page's lifecycle state has changed.
    PageChanged(PageChange),
    /// The deadline of [`Session::poll_deadline`](super::Session::poll_deadline) has passed. Spurious calls are harmless.
    DeadlineReached,
    /// The app closes the session object.
    Closed,
}

impl Input {
    /// Returns its name in traces.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::TokenRequested { .. } => "token_requested",
            Self::RefreshRequested { .. } => "refresh_requested",
            Self::TokenRejected { .. } => "token_rejected",
            Self::CallerAborted { .. } => "caller_aborted",
            Self::SignInRequested { .. } => "sign_in_requested",
            Self::SignInFinished { .. } | Self::TokensProvided { .. } => "sign_in_finished",
            Self::SignOutRequested { .. } => "sign_out_requested",
            Self::SignOutFinished { .. } => "sign_out_finished",
            Self::LockGranted { .. } => "lock_granted",
            Self::LockFailed { .. } => "lock_failed",
            Self::RefreshFinished { .. } => "refresh_finished",
            Self::TabMessageReceived(_) => "tab_message",
            Self::PushReceived => "push",
            Self::StreamEnded { .. } => "stream_ended",
            Self::Active => "active",
            Self::Malformed => "malformed",
            Self::StorageChanged => "storage_changed",
            Self::PageChanged(change) => change.name(),
            Self::DeadlineReached => "deadline",
            Self::Closed => "closed",
        }
    }
}

/// The outcome of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// A token.
    Granted(Grant),
    /// The auth server ended the session; the only outcome that signs out.
    Ended(EndReason),
    /// Any other response, or none.
    Failed(Failure),
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The cause.
    pub cause: FailureCause,
    /// The HTTP status, if there was a response.
    pub http_status: Option<u16>,
    /// The value of `Retry-After`.
    pub retry_after: Option<Millis>,
    /// Why the response is unexpected.
    pub detail: Option<UnexpectedAnswer>,
}

impl Failure {
    /// Creates a failure with only a cause.
    #[must_use]
    pub const fn new(cause: FailureCause) -> Self {
        Self {
            cause,
            http_status: None,
            retry_after: None,
            detail: None,
        }
    }

    /// Classifies the status of an HTTP response that neither grants a token nor ends the session.
    #[must_use]
    pub const fn from_status(status: u16, retry_after: Option<Millis>) -> Self {
        let (cause, detail) = match status {
            408 | 425 => (FailureCause::Timeout, None),
            429 => (FailureCause::RateLimited, None),
            500..=599 => (FailureCause::ServerError, None),
            400..=499 => (FailureCause::Misconfigured, None),
            _ => (
                FailureCause::UnexpectedAnswer,
                Some(UnexpectedAnswer::Status),
            ),
        };
        Self {
            cause,
            http_status: Some(status),
            retry_after,
            detail,
        }
    }

    /// Creates the failure of a response that is not a valid token response.
    #[must_use]
    pub const fn unexpected(status: u16, detail: UnexpectedAnswer) -> Self {
        Self {
            cause: FailureCause::UnexpectedAnswer,
            http_status: Some(status),
            retry_after: None,
            detail: Some(detail),
        }
    }
}

/// The outcome of a sign-out request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutOutcome {
    /// The auth server is notified.
    Notified,
    /// The auth server could not be notified.
    Failed(Failure),
}

/// The outcome of the app's own sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// A token.
    Granted(Grant),
    /// A response without a usable token.
    Unusable,
    /// The app's function threw.
    Threw,
}

/// A change of the page's state (Page Lifecycle, Page Visibility, `navigator.onLine`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageChange {
    /// The page became visible.
    Visible,
    /// The page became hidden.
    Hidden,
    /// The page was frozen (`freeze`) and runs no code until it is resumed.
    Frozen,
    /// The page was resumed (`resume`).
    Resumed,
    /// `pagehide`: the page was left, possibly into the back/forward cache.
    Left,
    /// `pageshow`: the page was restored from the back/forward cache.
    Returned,
    /// The `online` event.
    Online,
    /// The `offline` event.
    Offline,
}

impl PageChange {
    const fn name(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Hidden => "hidden",
            Self::Frozen => "frozen",
            Self::Resumed => "resumed",
            Self::Left => "left",
            Self::Returned => "returned",
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn p08_answers_are_sorted_by_their_status() {
        for (status, cause) in [
            (408, FailureCause::Timeout),
            (425, FailureCause::Timeout),
            (429, FailureCause::RateLimited),
            (500, FailureCause::ServerError),
            (599, FailureCause::ServerError),
            (400, FailureCause::Misconfigured),
            (404, FailureCause::Misconfigured),
            (499, FailureCause::Misconfigured),
            (204, FailureCause::UnexpectedAnswer),
            (302, FailureCause::UnexpectedAnswer),
            (600, FailureCause::UnexpectedAnswer),
        ] {
            let failure = Failure::from_status(status, Some(Millis::from_secs(7)));
            assert_eq!(failure.cause, cause, "{status}");
            assert_eq!(failure.http_status, Some(status));
            assert_eq!(failure.retry_after, Some(Millis::from_secs(7)));
            let is_unexpected = cause == FailureCause::UnexpectedAnswer;
            let detail = is_unexpected.then_some(UnexpectedAnswer::Status);
            assert_eq!(failure.detail, detail, "{status}");
        }
    }

    #[test]
    fn each_input_has_a_word_of_its_own_in_traces() {
        let changes = [
            PageChange::Visible,
            PageChange::Hidden,
            PageChange::Frozen,
            PageChange::Resumed,
            PageChange::Left,
            PageChange::Returned,
            PageChange::Online,
            PageChange::Offline,
        ];
        let others = [
            Input::Started,
            Input::Active,
            Input::Malformed,
            Input::StorageChanged,
            Input::PushReceived,
            Input::StreamEnded { was_open: true },
            Input::DeadlineReached,
            Input::Closed,
        ];
        let inputs: Vec<Input> = changes
            .map(Input::PageChanged)
            .into_iter()
            .chain(others)
            .collect();

        let words: BTreeSet<_> = inputs.iter().map(Input::name).collect();

        assert_eq!(words.len(), inputs.len());
        assert!(words.iter().all(|word| word.len() > 3), "{words:?}");
    }
}
