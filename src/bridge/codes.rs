//! Numeric codes of inputs and commands. `npm run generate` writes `src/generated/codes.js` from this file.

// Inputs.
pub(super) const STARTED: u32 = 0;
pub(super) const TOKEN_REQUESTED: u32 = 1;
pub(super) const REFRESH_REQUESTED: u32 = 2;
pub(super) const TOKEN_REJECTED: u32 = 3;
pub(super) const CALLER_ABORTED: u32 = 4;
pub(super) const SIGN_IN_REQUESTED: u32 = 5;
pub(super) const SIGN_IN_FINISHED: u32 = 6;
pub(super) const SIGN_IN_THREW: u32 = 7;
pub(super) const TOKENS_PROVIDED: u32 = 8;
pub(super) const SIGN_OUT_REQUESTED: u32 = 9;
pub(super) const SIGN_OUT_NOTIFIED: u32 = 10;
pub(super) const SIGN_OUT_FAILED: u32 = 11;
pub(super) const LOCK_GRANTED: u32 = 12;
pub(super) const LOCK_FAILED: u32 = 13;
pub(super) const REFRESH_GRANTED: u32 = 14;
pub(super) const REFRESH_ENDED: u32 = 15;
pub(super) const REFRESH_FAILED: u32 = 16;
pub(super) const TAB_MESSAGE_RECEIVED: u32 = 17;
pub(super) const STORAGE_CHANGED: u32 = 18;
pub(super) const DEADLINE_REACHED: u32 = 19;
pub(super) const PAGE_CHANGED: u32 = 20;
pub(super) const CLOSED: u32 = 21;

// Page changes.
pub(super) const VISIBLE: u32 = 0;
pub(super) const HIDDEN: u32 = 1;
pub(super) const FROZEN: u32 = 2;
pub(super) const RESUMED: u32 = 3;
pub(super) const LEFT: u32 = 4;
pub(super) const RETURNED: u32 = 5;
pub(super) const ONLINE: u32 = 6;
pub(super) const OFFLINE: u32 = 7;

// Commands.
pub(super) const ACQUIRE_LOCK: u32 = 0;
pub(super) const RELEASE_LOCK: u32 = 1;
pub(super) const SEND_REFRESH: u32 = 2;
pub(super) const SEND_SIGN_OUT: u32 = 3;
pub(super) const RUN_SIGN_IN: u32 = 4;
pub(super) const ABORT: u32 = 5;
pub(super) const TOKEN_CHANGED: u32 = 6;
pub(super) const SETTLE_TOKEN: u32 = 7;
pub(super) const SETTLE_DONE: u32 = 8;
pub(super) const SETTLE_ERROR: u32 = 9;
pub(super) const BROADCAST: u32 = 10;
pub(super) const WRITE_RECORD: u32 = 11;
pub(super) const OPEN_CHANNEL: u32 = 12;
pub(super) const CLOSE_CHANNEL: u32 = 13;
pub(super) const STATUS: u32 = 14;
pub(super) const REFRESHED: u32 = 15;
pub(super) const REFRESH_FAILURE: u32 = 16;
pub(super) const SIGNED_OUT: u32 = 17;
pub(super) const USER_CHANGED: u32 = 18;
pub(super) const TRACED: u32 = 19;
