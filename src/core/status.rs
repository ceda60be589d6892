//! The status of the session, for the app.

use crate::wire::EndReason;

use super::error::FailureCause;
use super::grant::SessionInfo;

/// The status of the session. A refresh alone does not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not known yet.
    Unknown {
        /// Why the last refresh failed.
        failure: Option<FailureCause>,
    },
    /// There is a session.
    SignedIn {
        /// The session and its user.
        session: SessionInfo,
        /// Why the last refresh failed.
        failure: Option<FailureCause>,
    },
    /// There is no session.
    SignedOut {
        /// Why it ended; `None` if there was none.
        reason: Option<EndReason>,
        /// Whether the auth server is notified.
        server_notified: bool,
    },
}

impl Status {
    /// Returns its name in JavaScript and traces.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown",
            Self::SignedIn { .. } => "signed_in",
            Self::SignedOut { .. } => "signed_out",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_the_word_of_the_javascript_api() {
        let session = SessionInfo::default();
        let failure = None;
        for (status, name) in [
            (Status::Unknown { failure }, "unknown"),
            (Status::SignedIn { session, failure }, "signed_in"),
            (
                Status::SignedOut {
                    reason: None,
                    server_notified: true,
                },
                "signed_out",
            ),
        ] {
            assert_eq!(status.name(), name);
        }
    }
}
