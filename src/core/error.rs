//! Why a caller gets no token.

use std::fmt;

use crate::wire::EndReason;

use super::millis::Millis;

/// Why a refresh failed without ending the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureCause {
    /// The request failed while the browser said that there is no network.
    Offline,
    /// The request failed: name resolution, connection, TLS, CORS.
    Network,
    /// No answer within the deadline, or 408.
    Timeout,
    /// 5xx.
    ServerError,
    /// 429.
    RateLimited,
    /// An answer that is none of the contract: a captive portal's page, JSON without a token.
    UnexpectedAnswer,
    /// The endpoint refuses the request as such: 400, 403, 404, 405 and their like.
    Misconfigured,
    /// The app's own refresher threw.
    RefresherFailed,
}

impl FailureCause {
    /// Every cause, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Offline,
        Self::Network,
        Self::Timeout,
        Self::ServerError,
        Self::RateLimited,
        Self::UnexpectedAnswer,
        Self::Misconfigured,
        Self::RefresherFailed,
    ];

    /// Returns the word for it in JavaScript, traces and between tabs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::ServerError => "server_error",
            Self::RateLimited => "rate_limited",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::Misconfigured => "misconfigured",
            Self::RefresherFailed => "refresher_failed",
        }
    }

    /// Reads the word for it; `None` where it is not of the closed list.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|cause| cause.as_str() == text)
    }

    /// Whether waiting a little longer may help by itself (P49): the network and servers come back, and an app's own
    /// refresher throws for either. A wrong address, or a portal that wants its user to sign in, stays.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Offline
            | Self::Network
            | Self::Timeout
            | Self::ServerError
            | Self::RateLimited
            | Self::RefresherFailed => true,
            Self::UnexpectedAnswer | Self::Misconfigured => false,
        }
    }
}

/// Why a caller gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no session.
    SignedOut {
        /// Why it ended; `None` if there was none.
        reason: Option<EndReason>,
    },
    /// The auth server cannot be reached or cannot answer.
    Unreachable {
        /// What failed last.
        cause: FailureCause,
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// No answer within the deadline.
    Timeout {
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// The auth server refuses the SDK's requests as such.
    Misconfigured {
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// No token lives as long as the caller asked.
    MinValidity,
    /// More callers wait than are kept.
    Overloaded,
    /// The session object was closed.
    Closed,
    /// What was to be adopted holds no usable token.
    InvalidTokenResponse,
    /// The function that was to sign in threw; its caller gets what it threw.
    SignInThrew,
}

impl SessionError {
    /// Returns the code that JavaScript callers switch on; codes never change once released.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SignedOut { .. } => "signed_out",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Misconfigured { .. } | Self::InvalidTokenResponse => "misconfigured",
            Self::MinValidity => "min_validity",
            Self::Overloaded => "overloaded",
            Self::Closed => "closed",
            Self::SignInThrew => "internal",
        }
    }

    /// Returns what a person reads.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::SignedOut { reason: None } => "nobody is signed in",
            Self::SignedOut { reason: Some(_) } => "the session has ended",
            Self::Unreachable { .. } => "the auth server cannot be reached; the session goes on",
            Self::Timeout { .. } => "the auth server did not answer in time; the session goes on",
            Self::Misconfigured { .. } => "the auth server refuses the refresh request as such",
            Self::MinValidity => "no token lives as long as minValidity asks",
            Self::Overloaded => "too many calls are waiting for a token",
            Self::Closed => "the session object was closed",
            Self::InvalidTokenResponse => "there is no usable token in what was to be adopted",
            Self::SignInThrew => "the sign-in function threw",
        }
    }

    /// Makes the error for a failed refresh.
    #[must_use]
    pub const fn from_failure(cause: FailureCause, retry_in: Millis) -> Self {
        match cause {
            FailureCause::Timeout => Self::Timeout { retry_in },
            FailureCause::Misconfigured => Self::Misconfigured { retry_in },
            FailureCause::Offline
            | FailureCause::Network
            | FailureCause::ServerError
            | FailureCause::RateLimited
            | FailureCause::UnexpectedAnswer
            | FailureCause::RefresherFailed => Self::Unreachable { cause, retry_in },
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for SessionError {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_error_says_something_of_its_own_and_of_nobody_else() {
        let retry_in = Millis::from_secs(1);
        let cause = FailureCause::ServerError;
        let reason = Some(EndReason::Revoked);
        let errors = [
            SessionError::SignedOut { reason: None },
            SessionError::SignedOut { reason },
            SessionError::Unreachable { cause, retry_in },
            SessionError::Timeout { retry_in },
            SessionError::Misconfigured { retry_in },
            SessionError::MinValidity,
            SessionError::Overloaded,
            SessionError::Closed,
            SessionError::InvalidTokenResponse,
            SessionError::SignInThrew,
        ];

        let messages: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();

        assert_eq!(messages.len(), errors.len());
        assert!(messages.iter().all(|message| message.contains(' ')));
    }
}
