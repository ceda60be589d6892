//! Numeric codes of inputs and commands. `npm run generate` writes `src/generated/codes.js` from this file.

// Inputs.
pub(crate) const STARTED: u32 = 0;
pub(crate) const TOKEN_REQUESTED: u32 = 1;
pub(crate) const REFRESH_REQUESTED: u32 = 2;
pub(crate) const TOKEN_REJECTED: u32 = 3;
pub(crate) const CALLER_ABORTED: u32 = 4;
pub(crate) const SIGN_IN_REQUESTED: u32 = 5;
pub(crate) const SIGN_IN_FINISHED: u32 = 6;
pub(crate) const SIGN_IN_THREW: u32 = 7;
pub(crate) const TOKENS_PROVIDED: u32 = 8;
pub(crate) const SIGN_OUT_REQUESTED: u32 = 9;
pub(crate) const SIGN_OUT_NOTIFIED: u32 = 10;
pub(crate) const SIGN_OUT_FAILED: u32 = 11;
pub(crate) const LOCK_GRANTED: u32 = 12;
pub(crate) const LOCK_FAILED: u32 = 13;
pub(crate) const REFRESH_GRANTED: u32 = 14;
pub(crate) const REFRESH_ENDED: u32 = 15;
pub(crate) const REFRESH_FAILED: u32 = 16;
pub(crate) const TAB_MESSAGE_RECEIVED: u32 = 17;
pub(crate) const STORAGE_CHANGED: u32 = 18;
pub(crate) const DEADLINE_REACHED: u32 = 19;
pub(crate) const PAGE_CHANGED: u32 = 20;
pub(crate) const CLOSED: u32 = 21;
pub(crate) const ACTIVE: u32 = 22;
pub(crate) const PUSH_RECEIVED: u32 = 23;
pub(crate) const STREAM_ENDED: u32 = 24;

// Page changes.
pub(crate) const VISIBLE: u32 = 0;
pub(crate) const HIDDEN: u32 = 1;
pub(crate) const FROZEN: u32 = 2;
pub(crate) const RESUMED: u32 = 3;
pub(crate) const LEFT: u32 = 4;
pub(crate) const RETURNED: u32 = 5;
pub(crate) const ONLINE: u32 = 6;
pub(crate) const OFFLINE: u32 = 7;

// Commands.
pub(crate) const ACQUIRE_LOCK: u32 = 0;
pub(crate) const RELEASE_LOCK: u32 = 1;
pub(crate) const SEND_REFRESH: u32 = 2;
pub(crate) const SEND_SIGN_OUT: u32 = 3;
pub(crate) const RUN_SIGN_IN: u32 = 4;
pub(crate) const ABORT: u32 = 5;
pub(crate) const TOKEN_CHANGED: u32 = 6;
pub(crate) const SETTLE_TOKEN: u32 = 7;
pub(crate) const SETTLE_DONE: u32 = 8;
pub(crate) const SETTLE_ERROR: u32 = 9;
pub(crate) const BROADCAST: u32 = 10;
pub(crate) const WRITE_RECORD: u32 = 11;
pub(crate) const OPEN_CHANNEL: u32 = 12;
pub(crate) const CLOSE_CHANNEL: u32 = 13;
pub(crate) const STATUS: u32 = 14;
pub(crate) const REFRESHED: u32 = 15;
pub(crate) const REFRESH_FAILURE: u32 = 16;
pub(crate) const SIGNED_OUT: u32 = 17;
pub(crate) const USER_CHANGED: u32 = 18;
pub(crate) const TRACED: u32 = 19;
pub(crate) const OPEN_STREAM: u32 = 20;
pub(crate) const CLOSE_STREAM: u32 = 21;
