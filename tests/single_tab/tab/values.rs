//! Values that the tests of a tab begin with.

use nolapse::core::{
    FailureCause, Grant, Millis, RecordState, Secret, SessionError, SessionInfo, StorageRecord,
    Version, WallTime,
};

pub(crate) fn error_of(cause: FailureCause) -> &'static str {
    SessionError::from_failure(cause, Millis::ZERO).code()
}

pub(crate) fn nth_version(number: u64) -> Version {
    Version::heard(number).expect("an order")
}

/// The stored record of a session, without back-off.
pub(crate) fn signed_in_record(
    version: Version,
    expires: WallTime,
    fingerprint: u32,
) -> StorageRecord {
    StorageRecord {
        version,
        state: RecordState::SignedIn {
            expires,
            fingerprint,
        },
        backoff: None,
    }
}

pub(crate) fn grant() -> Grant {
    grant_of("a.b.c", "session", "user")
}

/// A token with a lifetime of 60 s.
pub(crate) fn grant_of(token: &str, session: &str, user: &str) -> Grant {
    Grant {
        token: Secret::new(token).expect("a token"),
        lifetime: Millis::from_secs(60),
        refresh_in: None,
        session: SessionInfo::new(session, user, "{}"),
    }
}
