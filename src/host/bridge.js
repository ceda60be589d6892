/** The command queue and timers between a machine and its host, and their numeric codes: the same as in `codes.rs`. */

/**
 * A command, by position.
 *
 * @typedef {[kind: number, id: number, a: number, b: number, c: number, d: number, text: string]} Command
 */

/** The part of the module's class that hosts use. @typedef {import("./machine.js").Machine} Machine */

/** Inputs, each passed as its kind, an id, numbers and a text. */
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

/** Page changes. */
export const VISIBLE = 0;
export const HIDDEN = 1;
export const FROZEN = 2;
export const RESUMED = 3;
export const LEFT = 4;
export const RETURNED = 5;
export const ONLINE = 6;
export const OFFLINE = 7;

/** Commands. */
export const ACQUIRE_LOCK = 0;
export const RELEASE_LOCK = 1;
export const SEND_REFRESH = 2;
export const SEND_SIGN_OUT = 3;
export const RUN_SIGN_IN = 4;
export const ABORT = 5;
export const SETTLE_TOKEN = 6;
export const SETTLE_DONE = 7;
export const SETTLE_ERROR = 8;
export const BROADCAST = 9;
export const WRITE_RECORD = 10;
export const OPEN_CHANNEL = 11;
export const CLOSE_CHANNEL = 12;
export const STATUS = 13;
export const REFRESHED = 14;
export const REFRESH_FAILURE = 15;
export const SIGNED_OUT = 16;
export const USER_CHANGED = 17;
export const TRACED = 18;

/** What `Machine.look` can return about the token. */
export const USABLE = 0;
export const TOKEN = 1;
export const TOKEN_LEFT = 2;
export const AGE = 3;

/** @type {Command[]} */
let commands = [];

/** @type {Map<number, () => void>} */
const timers = new Map();

/**
 * Queues a command of a machine; the module imports this.
 *
 * @param {Command} given
 */
export function pushCommand(...given) {
  commands.push(given);
}

/** Returns the commands queued since the last call, and empties the queue. */
export function drainCommands() {
  const all = commands;
  commands = [];
  return all;
}

/**
 * Calls the timer handler of a machine's host; the module imports this.
 *
 * @param {number} machine
 */
export function fireTimer(machine) {
  timers.get(machine)?.();
}

/**
 * Sets the timer handler of a machine's host; without `fire`, removes it.
 *
 * @param {number} machine
 * @param {() => void} [fire]
 */
export function onTimer(machine, fire) {
  if (fire) timers.set(machine, fire);
  else timers.delete(machine);
}
