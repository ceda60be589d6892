// Generated from codes.rs by `npm run generate`.

// Inputs.
export const STARTED = 0;
export const TOKEN_REQUESTED = 1;
export const REFRESH_REQUESTED = 2;
export const TOKEN_REJECTED = 3;
export const CALLER_ABORTED = 4;
export const SIGN_IN_REQUESTED = 5;
export const SIGN_IN_FINISHED = 6;
export const SIGN_IN_THREW = 7;
export const TOKENS_PROVIDED = 8;
export const SIGN_OUT_REQUESTED = 9;
export const SIGN_OUT_NOTIFIED = 10;
export const SIGN_OUT_FAILED = 11;
export const LOCK_GRANTED = 12;
export const LOCK_FAILED = 13;
export const REFRESH_GRANTED = 14;
export const REFRESH_ENDED = 15;
export const REFRESH_FAILED = 16;
export const TAB_MESSAGE_RECEIVED = 17;
export const STORAGE_CHANGED = 18;
export const DEADLINE_REACHED = 19;
export const PAGE_CHANGED = 20;
export const CLOSED = 21;
export const ACTIVE = 22;
export const PUSH_RECEIVED = 23;
export const STREAM_ENDED = 24;

// Page changes.
export const VISIBLE = 0;
export const HIDDEN = 1;
export const FROZEN = 2;
export const RESUMED = 3;
export const LEFT = 4;
export const RETURNED = 5;
export const ONLINE = 6;
export const OFFLINE = 7;

// Commands.
export const ACQUIRE_LOCK = 0;
export const RELEASE_LOCK = 1;
export const SEND_REFRESH = 2;
export const SEND_SIGN_OUT = 3;
export const RUN_SIGN_IN = 4;
export const ABORT = 5;
export const TOKEN_CHANGED = 6;
export const SETTLE_TOKEN = 7;
export const SETTLE_DONE = 8;
export const SETTLE_ERROR = 9;
export const BROADCAST = 10;
export const WRITE_RECORD = 11;
export const OPEN_CHANNEL = 12;
export const CLOSE_CHANNEL = 13;
export const STATUS = 14;
export const REFRESHED = 15;
export const REFRESH_FAILURE = 16;
export const SIGNED_OUT = 17;
export const USER_CHANGED = 18;
export const TRACED = 19;
export const OPEN_STREAM = 20;
export const CLOSE_STREAM = 21;
