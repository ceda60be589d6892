//! The inputs of the core: past facts that the host reports.

use crate::wire::EndReason;

use super::error::FailureCause;
use super::grant::{Grant, UnexpectedAnswer};
use super::ids::{AttemptId, CallerId, Version};
use super::millis::Millis;
use super::tab_message::TabMessage;

/// Something has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The page has started; the storage record says whether there may be a session.
    Started,
    /// A caller needs a token with at least so much life left.
    TokenRequested {
        /// The caller.
        caller: CallerId,
        /// The life that must be left.
        min_validity: Millis,
    },
    /// The app asked for a new token.
    RefreshRequested {
        /// The caller.
        caller: CallerId,
        /// Whether only a refresh that is sent from now on will do.
        force: bool,
    },
    /// An API refused a token that was valid by the clock.
    TokenRejected {
        /// The caller.
        caller: CallerId,
        /// The order of the refused token.
        version: Version,
    },
    /// A caller no longer waits for its token. A sign-in or sign-out, once asked for, runs to its end.
    CallerAborted {
        /// The caller.
        caller: CallerId,
    },
    /// The app wants to sign in by a function of its own, which may only run while no tab refreshes.
    SignInRequested {
        /// The caller.
        caller: CallerId,
    },
    /// That function has come to its end.
    SignInFinished {
        /// The attempt it was started for.
        attempt: AttemptId,
        /// What came of it.
        outcome: SignInOutcome,
    },
    /// The app hands over the answer of a sign-in that it has made itself.
    TokensProvided {
        /// The caller.
        caller: CallerId,
        /// What is in it.
        outcome: SignInOutcome,
    },
    /// The user signs out.
    SignOutRequested {
        /// The caller.
        caller: CallerId,
        /// Whether all the user's sessions are to end.
        everywhere: bool,
    },
    /// The auth server was told of a sign-out, or could not be.
    SignOutFinished {
        /// The attempt.
        attempt: AttemptId,
        /// What came of it.
        outcome: SignOutOutcome,
    },
    /// The lock is this tab's.
    LockGranted {
        /// The attempt that asked for it.
        attempt: AttemptId,
    },
    /// There is no lock to be had: the browser has none, or its request threw, or it was stolen.
    LockFailed {
        /// The attempt that asked for it.
        attempt: AttemptId,
    },
    /// The auth server has answered a refresh, or has not.
    RefreshFinished {
        /// The attempt.
        attempt: AttemptId,
        /// What came of it.
        outcome: RefreshOutcome,
    },
    /// A message of another tab.
    TabMessageReceived(TabMessage),
    /// A message or an input that cannot be read.
    Malformed,
    /// Another tab has written the storage record.
    StorageChanged,
    /// The page's life has changed.
    PageChanged(PageChange),
    /// The time of [`Session::poll_deadline`](super::Session::poll_deadline) has come. Any other time is harmless.
    DeadlineReached,
    /// The app closes the session object.
    Closed,
}

impl Input {
    /// Returns the word for it in traces.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::TokenRequested { .. } => "token-requested",
            Self::RefreshRequested { .. } => "refresh-requested",
            Self::TokenRejected { .. } => "token-rejected",
            Self::CallerAborted { .. } => "request-aborted",
            Self::SignInRequested { .. } => "adopt-requested",
            Self::SignInFinished { .. } | Self::TokensProvided { .. } => "adopted",
            Self::SignOutRequested { .. } => "sign-out-requested",
            Self::SignOutFinished { .. } => "sign-out-finished",
            Self::LockGranted { .. } => "lock-granted",
            Self::LockFailed { .. } => "lock-failed",
            Self::RefreshFinished { .. } => "refresh-finished",
            Self::TabMessageReceived(_) => "tab-spoke",
            Self::Malformed => "tab-garbled",
            Self::StorageChanged => "shelf-changed",
            Self::PageChanged(change) => change.name(),
            Self::DeadlineReached => "deadline",
            Self::Closed => "closed",
        }
    }
}

/// What came of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// A token.
    Granted(Grant),
    /// The auth server says that the session is over: the only answer that signs out.
    Ended(EndReason),
    /// Anything else.
    Failed(Failure),
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub cause: FailureCause,
    /// The HTTP status, where there was an answer.
    pub http_status: Option<u16>,
    /// What `Retry-After` asked for.
    pub retry_after: Option<Millis>,
    /// What is wrong with an unexpected answer.
    pub detail: Option<UnexpectedAnswer>,
}

impl Failure {
    /// Makes a failure that knows nothing but its cause.
    #[must_use]
    pub const fn new(cause: FailureCause) -> Self {
        Self {
            cause,
            http_status: None,
            retry_after: None,
            detail: None,
        }
    }

    /// Sorts an HTTP answer that neither grants nor ends.
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

    /// Makes the failure of an answer with status 200 that grants nothing.
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

/// What came of telling the auth server of a sign-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutOutcome {
    /// It knows.
    Notified,
    /// It could not be told.
    Failed(Failure),
}

/// What came of a sign-in of the app's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// A token.
    Granted(Grant),
    /// An answer without a usable token.
    Unusable,
    /// The app's function threw.
    Threw,
}

/// A change in the page's life (Page Lifecycle, Page Visibility, HTML's online state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageChange {
    /// It can be seen.
    Visible,
    /// It cannot be seen.
    Hidden,
    /// It will not run any code until it is resumed.
    Frozen,
    /// It runs again.
    Resumed,
    /// It was left (`pagehide`), perhaps into the back/forward cache.
    Left,
    /// It came back from the back/forward cache (`pageshow`).
    Returned,
    /// The browser says that there is a network.
    Online,
    /// The browser says that there is none.
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
            Input::Malformed,
            Input::StorageChanged,
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
