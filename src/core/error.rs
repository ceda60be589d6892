//! Errors of callers, and the causes of failed refreshes.

use std::fmt;

use crate::wire::EndReason;

use super::millis::Millis;

/// Why a refresh failed without ending the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureCause {
    /// The request failed while `navigator.onLine` was false.
    Offline,
    /// The request failed: name resolution, connection, TLS, CORS.
    Network,
    /// No response within the timeout, or 408 or 425.
    Timeout,
    /// 5xx.
    ServerError,
    /// 429.
    RateLimited,
    /// A response outside the contract, such as a captive portal's page or JSON without a token.
    UnexpectedAnswer,
    /// The endpoint rejects the request itself: 400, 403, 404, 405 and other 4xx.
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

    /// Returns its code in JavaScript, traces, tab messages and the storage record.
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

    /// Parses a code; `None` if it is unknown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|cause| cause.as_str() == text)
    }

    /// Whether the failure can end without intervention (P49): networks and servers recover, and an app's own refresher
    /// throws for either. A wrong URL or a captive portal does not go away by waiting.
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

/// Why a call is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no session.
    SignedOut {
        /// Why it ended; `None` if there was none.
        reason: Option<EndReason>,
    },
    /// The auth server is unreachable or fails.
    Unreachable {
        /// The cause of the last failure.
        cause: FailureCause,
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// No response within the timeout, or the caller's deadline has passed.
    Timeout {
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// The auth server rejects the SDK's requests themselves, or an API rejects every new token.
    Misconfigured {
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// No token has the requested minimum validity.
    MinValidity,
    /// The auth server grants the user no token for the context.
    ContextRefused,
    /// The limit of waiting callers is reached.
    Overloaded,
    /// The session object was closed.
    Closed,
    /// The token response of a sign-in holds no usable token.
    InvalidTokenResponse,
    /// The app's sign-in function threw; its caller receives the thrown value.
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
            Self::ContextRefused => "context_refused",
            Self::Overloaded => "overloaded",
            Self::Closed => "closed",
            Self::SignInThrew => "internal",
        }
    }

    /// Returns the message for developers.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::SignedOut { reason: None } => "not signed in",
            Self::SignedOut { reason: Some(_) } => "the session has ended",
            Self::Unreachable { .. } => "the auth server is unreachable",
            Self::Timeout { .. } => "the auth server did not respond in time",
            Self::Misconfigured { .. } => "the auth server rejects the request itself",
            Self::MinValidity => "no token is valid for that long",
            Self::ContextRefused => "the auth server refuses this context",
            Self::Overloaded => "too many calls wait for a token",
            Self::Closed => "the session was closed",
            Self::InvalidTokenResponse => "no usable token in the response",
            Self::SignInThrew => "the sign-in function threw",
        }
    }

    /// Creates the error for a failed refresh.
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
