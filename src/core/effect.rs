//! The effects of the core: what the host is to execute, and events for the app.

use std::rc::Rc;

use crate::wire::{EndReason, PageVisibility, RefreshReason};

use super::error::{FailureCause, SessionError};
use super::ids::{AttemptId, CallerId, Version};
use super::millis::Millis;
use super::secret::Secret;
use super::status::Status;
use super::storage_record::StorageRecord;
use super::tab_message::TabMessage;
use super::trace::TraceEntry;

/// An action for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Request the Web Lock; reply with `LockGranted` or `LockFailed`.
    AcquireLock {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Release the lock, or cancel the request for it.
    ReleaseLock {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Send a refresh request for the tokens of [`Session::contexts`](super::Session::contexts); reply with `RefreshFinished`.
    SendRefresh {
        /// The attempt.
        attempt: AttemptId,
        /// The reason of the refresh.
        reason: RefreshReason,
        /// Whether the page is visible.
        page: PageVisibility,
        /// The time since the last app or user activity.
        active_ago: Millis,
    },
    /// Send a sign-out request; reply with `SignOutFinished`.
    SendSignOut {
        /// The attempt.
        attempt: AttemptId,
        /// Whether all the user's sessions are to end.
        everywhere: bool,
    },
    /// Run the app's sign-in function; reply with `SignInFinished`.
    RunSignIn {
        /// The attempt.
        attempt: AttemptId,
        /// The caller that provided the function.
        caller: CallerId,
    },
    /// Abort an exchange; its response is ignored.
    Abort {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Settle a caller. Each caller is settled exactly once, unless it was aborted.
    Settle {
        /// The caller.
        caller: CallerId,
        /// The result.
        answer: Result<Answer, SessionError>,
    },
    /// Post a message to the other tabs.
    Broadcast(TabMessage),
    /// Write the storage record.
    WriteRecord(StorageRecord),
    /// Open the broadcast channel.
    OpenChannel,
    /// Close the broadcast channel: an open one can keep the page out of the back/forward cache.
    CloseChannel,
    /// Open the push stream, for which the tab queues for a lock of its own; report [`PushReceived`](super::Input::PushReceived) and
    /// [`StreamEnded`](super::Input::StreamEnded). The lock is kept when the stream ends.
    OpenStream,
    /// Close the push stream and release its lock, or cancel the request for it.
    CloseStream,
    /// Publish a changed status to the app.
    Publish(Status),
    /// Emit an event to the app.
    Emit(Event),
}

/// The successful result of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A token.
    Token {
        /// The token, and those of contexts.
        token: Secret,
        /// The version of the token.
        version: Version,
    },
    /// The tokens of the sign-in were installed.
    SignedIn,
    /// The user is signed out on this browser.
    SignedOut {
        /// Whether the auth server is notified.
        server_notified: bool,
    },
}

/// An event for the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a new token.
    Refreshed {
        /// Why it was requested; `None` if another tab requested it, or the app signed in.
        reason: Option<RefreshReason>,
        /// The source of the token.
        source: Source,
        /// How many callers were waiting for it.
        waiting: usize,
        /// From sending to the response.
        duration: Millis,
        /// How long the token remains usable.
        expires_in: Millis,
        /// How long until the next background refresh.
        refresh_in: Millis,
    },
    /// A refresh failed; the session continues.
    RefreshFailed {
        /// Why it was sent.
        reason: RefreshReason,
        /// The cause.
        cause: FailureCause,
        /// The HTTP status, if there was a response.
        http_status: Option<u16>,
        /// From sending to the failure.
        duration: Millis,
        /// The length of the failure streak.
        failures: u32,
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// The user is signed out.
    SignedOut {
        /// Why the session ended.
        reason: EndReason,
    },
    /// Another user is signed in.
    UserChanged {
        /// The previous user, as JSON text.
        previous: Rc<str>,
        /// The new user, as JSON text.
        user: Rc<str>,
    },
    /// A trace entry, for diagnosis.
    Traced(TraceEntry),
}

/// The source of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A refresh of this tab.
    ThisTab,
    /// A message of another tab.
    OtherTab,
    /// A sign-in of the app.
    SignIn,
}
