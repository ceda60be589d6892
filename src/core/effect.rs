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

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask for the lock that all tabs of the browser share; answer with `LockGranted` or `LockFailed`.
    AcquireLock {
        /// Who asks.
        attempt: AttemptId,
    },
    /// Give the lock back, or withdraw the request for it.
    ReleaseLock {
        /// Who asked.
        attempt: AttemptId,
    },
    /// Ask the auth server for a new token; answer with `RefreshFinished`.
    SendRefresh {
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        reason: RefreshReason,
        /// Whether the page can be seen.
        page: PageVisibility,
        /// How long ago the app last made a call or the user gave input.
        active_ago: Millis,
    },
    /// Tell the auth server of the sign-out; answer with `SignOutFinished`.
    SendSignOut {
        /// The attempt.
        attempt: AttemptId,
        /// Whether all the user's sessions are to end.
        everywhere: bool,
    },
    /// Run the app's sign-in function; answer with `SignInFinished`.
    RunSignIn {
        /// The attempt.
        attempt: AttemptId,
        /// The caller that brought the function.
        caller: CallerId,
    },
    /// Give up on an exchange: its answer is no longer wanted.
    Abort {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Answer a caller. Each one is answered exactly once, unless it was aborted.
    Settle {
        /// The caller.
        caller: CallerId,
        /// The answer.
        answer: Result<Answer, SessionError>,
    },
    /// Tell the other tabs.
    Broadcast(TabMessage),
    /// Write the storage record.
    WriteRecord(StorageRecord),
    /// Start listening to the other tabs.
    OpenChannel,
    /// Stop listening to the other tabs: a page with an open channel may lose its place in the back/forward cache.
    CloseChannel,
    /// Show the app where the session stands.
    Publish(Status),
    /// Tell the app what happened.
    Emit(Event),
}

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A token.
    Token {
        /// The token.
        token: Secret,
        /// Its order: a higher one is another token.
        version: Version,
    },
    /// The sign-in was taken over.
    SignedIn,
    /// The user is signed out on this browser.
    SignedOut {
        /// Whether the auth server knows.
        server_notified: bool,
    },
}

/// Something that an app may want to show or count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a new token.
    Refreshed {
        /// Why it was requested; `None` if another tab requested it, or the app signed in.
        reason: Option<RefreshReason>,
        /// Where it comes from.
        source: Source,
        /// How many callers were waiting for it.
        waiting: usize,
        /// From sending to the answer.
        duration: Millis,
        /// How long it lives from now.
        expires_in: Millis,
        /// How long until the next background refresh.
        refresh_in: Millis,
    },
    /// A refresh failed; the session goes on.
    RefreshFailed {
        /// Why it was sent.
        reason: RefreshReason,
        /// What failed.
        cause: FailureCause,
        /// The HTTP status, where there was an answer.
        http_status: Option<u16>,
        /// From sending to the failure.
        duration: Millis,
        /// How many attempts in a row have failed.
        failures: u32,
        /// How long until the next attempt.
        retry_in: Millis,
    },
    /// The user is signed out.
    SignedOut {
        /// Why.
        reason: EndReason,
    },
    /// Another user is signed in.
    UserChanged {
        /// The user before, as JSON text.
        previous: Rc<str>,
        /// The user now, as JSON text.
        user: Rc<str>,
    },
    /// The session's course, for diagnosis.
    Traced(TraceEntry),
}

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This tab asked the auth server.
    ThisTab,
    /// Another tab handed it over.
    OtherTab,
    /// The app signed in.
    SignIn,
}
