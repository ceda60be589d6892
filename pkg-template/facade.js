/** What both entries share: classes, listeners and snapshots around a session's host. Importing it does nothing. */

import { abandon, begin } from "../src/browser/head-start.js";
import { CLOSED_SESSION, Host } from "../src/browser/host.js";
import { LEFT_OF_IT } from "../src/browser/mailbox.js";
import { readOptions, refuse } from "../src/browser/options.js";
import { Shelf } from "../src/browser/shelf.js";

/** Names the build; the module says the same name, or it is of another release. */
const BUILD_ID = "__NOLAPSE_BUILD_ID__";

/** @typedef {typeof import("./nolapse.js")} Glue */
/** @typedef {import("../src/browser/host.js").App} App */
/** @typedef {import("./index.js").SessionOptions} SessionOptions */
/** @typedef {import("./index.js").SessionStatus} SessionStatus */
/** @typedef {import("./index.js").SessionErrorCode} SessionErrorCode */
/** @typedef {import("./index.js").FailureCause} FailureCause */
/** @typedef {(event: never) => void} Listener */

export class SessionError extends Error {
  /**
   * @param {SessionErrorCode} code
   * @param {string} message
   * @param {{ [Name in keyof import("./index.js").SessionErrorDetails]?: import("./index.js").SessionErrorDetails[Name] | null | undefined }} [details]
   */
  constructor(code, message, { reason = null, failure = null, retryIn = null, option = null, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SessionError";
    this.code = code;
    this.reason = reason;
    this.failure = failure;
    this.retryIn = retryIn;
    this.option = option;
  }
}

export class SessionEnded extends Error {
  /** @param {import("./index.js").SignOutReason} [reason] */
  constructor(reason = "expired") {
    super(`the session has ended: ${reason}`);
    this.name = "SessionEnded";
    this.reason = reason;
  }
}

/**
 * @param {unknown} error
 * @param {SessionErrorCode} [code]
 */
export function isSessionError(error, code) {
  if (!(error instanceof Error) || error.name !== "SessionError") return false;
  return code === undefined || ("code" in error && error.code === code);
}

/**
 * Makes `createSession` for one module, and what loads it.
 *
 * @param {Glue} glue what wasm-bindgen made for it
 * @param {() => URL} place gives the URL of the module's file
 */
export function entry(glue, place) {
  /** @type {Promise<void> | undefined} */
  let loading;
  /** Sessions by their options: the same session created twice is one. @type {Map<string | undefined, Core>} */
  const shared = new Map();

  /** @param {SessionOptions["wasm"]} [source] */
  function loadOnce(source) {
    loading ??= load(glue, source ?? place()).catch((error) => {
      loading = undefined; // a failed download must not poison every later call
      throw error;
    });
    return loading;
  }

  /** @param {SessionOptions} options */
  async function createSession(options) {
    const settings = checked(options);
    const loading = loadOnce(options.wasm);
    const key = keyOf(options);
    const headStart = shared.has(key) ? undefined : begin(settings, new Shelf(settings.key).read());
    try {
      await loading;
    } catch (error) {
      abandon(headStart);
      throw error;
    }
    let core = shared.get(key);
    if (core) {
      abandon(headStart);
    } else {
      core = new Core(glue, settings, () => shared.delete(key), headStart);
      if (key !== undefined) shared.set(key, core);
    }
    return openSession(core);
  }

  return { createSession, loadOnce };
}

/**
 * @param {Glue} glue
 * @param {NonNullable<SessionOptions["wasm"]>} source
 */
async function load(glue, source) {
  if (typeof WebAssembly !== "object") throw new SessionError("unsupported", "there is no WebAssembly here");
  try {
    await glue.default({ module_or_path: await source });
  } catch (cause) {
    const code = loadFailure(cause);
    throw new SessionError(code, `the session module could not be loaded: ${messageOf(cause)}`, { cause });
  }
  if (glue.buildId() !== BUILD_ID)
    throw new SessionError("version_mismatch", "the session module is of another release");
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {unknown} cause @returns {SessionErrorCode} */
function loadFailure(cause) {
  if (cause instanceof WebAssembly.LinkError) return "version_mismatch";
  // A blocked module and a truncated one throw the same class.
  const isBlocked =
    cause instanceof WebAssembly.CompileError && /CSP|Content Security Policy|unsafe-eval/i.test(cause.message);
  return isBlocked ? "unsupported" : "load_failed";
}

/** @type {WeakMap<WeakKey, number>} */
const functionNumbers = new WeakMap();
let lastFunction = 0;

/**
 * Spells options, so that the same ones have the same spelling; nothing for what cannot be spelled.
 *
 * @param {unknown} options
 * @returns {string | undefined}
 */
function keyOf(options) {
  try {
    return JSON.stringify(options, (name, value) => {
      if (typeof value !== "function") return name === "wasm" ? undefined : value;
      if (!functionNumbers.has(value)) functionNumbers.set(value, ++lastFunction);
      return { function: functionNumbers.get(value) };
    });
  } catch {
    return undefined;
  }
}

/**
 * Checks options; the error for the first that makes no sense has its name.
 *
 * @param {unknown} options
 */
function checked(options) {
  try {
    return readOptions(options);
  } catch (error) {
    throw misconfigured(error);
  }
}

/** @param {unknown} error */
function misconfigured(error) {
  if (!(error instanceof Error && "option" in error)) return error;
  return new SessionError("misconfigured", error.message, { option: String(error.option) });
}

/** How many steps are kept for the trace. */
const KEPT_STEPS = 64;

/** One session on this page, shared by all that created it: its host, and who listens to it. */
class Core {
  sharers = 0;
  /** @type {SessionStatus} */
  snapshot = Object.freeze({ state: "unknown", degraded: false });
  /** @type {Map<string, Set<{ listener: Listener }>>} */
  listeners = new Map();
  /** @type {import("./index.js").TraceEntry[]} */
  steps = [];

  /**
   * @param {Glue} glue
   * @param {import("../src/browser/options.js").Settings} settings
   * @param {() => void} forget
   * @param {import("../src/browser/head-start.js").HeadStart | undefined} headStart
   */
  constructor(glue, settings, forget, headStart) {
    this.forget = forget;
    try {
      this.host = new Host((...given) => new glue.Machine(...given), settings, this, headStart);
    } catch (error) {
      throw asSessionError(error);
    }
  }

  /**
   * @param {string} type
   * @param {Listener} listener
   */
  listen(type, listener) {
    if (typeof listener !== "function") throw new TypeError("the listener is not a function");
    // Wrapped, so that one function listening twice is two listeners.
    const entry = { listener };
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set.add(entry));
    const { calls } = this.host;
    if (type === "call") calls.heard = (...call) => this.called(...call);
    return () => {
      set.delete(entry);
      if (type === "call" && set.size === 0) calls.heard = undefined;
    };
  }

  /**
   * @param {string} type
   * @param {unknown} event
   */
  emit(type, event) {
    const set = this.listeners.get(type);
    if (set === undefined) return;
    for (const { listener } of [...set]) tell(listener, event);
  }

  release() {
    if (--this.sharers > 0) return;
    this.forget();
    this.host.close();
  }

  trace() {
    return Object.freeze([...this.steps]);
  }

  // From here on: what the host tells, by position; what is not known is an empty text, or no number.

  /** @type {App["status"]} */
  status(state, degraded, reason, sessionId, user, serverTold) {
    const trouble = /** @type {FailureCause | ""} */ (degraded) || false;
    /** @type {SessionStatus} */
    let next = { state: "unknown", degraded: trouble };
    if (state === "signed-in") next = { state, user: parsed(user), sessionId, degraded: trouble };
    if (state === "signed-out") next = { state, reason: word(reason), serverTold, degraded: false };
    this.snapshot = Object.freeze(next);
    this.emit("status", this.snapshot);
  }

  /** @type {App["refreshed"]} */
  refreshed(reason, source, waiting, duration, expiresIn, refreshIn) {
    this.emit("refresh", Object.freeze({ reason: word(reason), source, waiting, duration, expiresIn, refreshIn }));
  }

  /** @type {App["refreshFailed"]} */
  refreshFailed(reason, cause, httpStatus, duration, failures, retryIn) {
    const event = { reason, cause, httpStatus: number(httpStatus), duration, failures, retryIn };
    this.emit("refresh-failed", Object.freeze(event));
  }

  /** @type {App["signedOut"]} */
  signedOut(reason) {
    this.emit("signed-out", Object.freeze({ reason, trace: this.trace() }));
  }

  /** @type {App["userChanged"]} */
  userChanged(previous, user) {
    this.emit("user-changed", Object.freeze({ user: parsed(user), previous: parsed(previous) }));
  }

  /** @type {App["called"]} */
  called(method, url, waited, tokenAge, httpStatus, retried, duration) {
    const event = { method, url, waited, tokenAge, httpStatus: httpStatus ?? null, retried, duration };
    this.emit("call", Object.freeze(event));
  }

  /** @type {App["traced"]} */
  traced(at, tab, attempt, trigger, status, page, outcome) {
    const name = tab.toString(16).padStart(8, "0");
    const step = Object.freeze({
      at,
      trigger,
      status,
      tab: name,
      page,
      attempt: number(attempt),
      outcome: word(outcome),
    });
    this.steps.push(/** @type {import("./index.js").TraceEntry} */ (step));
    if (this.steps.length > KEPT_STEPS) this.steps.shift();
    this.emit("trace", step);
  }

  /** @type {App["error"]} */
  error(code, message, reason, failure, retryIn) {
    return new SessionError(/** @type {SessionErrorCode} */ (code), message, {
      reason: word(reason),
      failure: word(failure),
      retryIn: number(retryIn),
    });
  }
}

/**
 * A word of a closed list; an empty text is none.
 *
 * @template {string} Word
 * @param {string} text
 * @returns {Word | null}
 */
function word(text) {
  return /** @type {Word} */ (text) || null;
}

/** @param {number} value NaN is none */
function number(value) {
  return Number.isNaN(value) ? null : value;
}

/** @param {string} user what another tab says may be no JSON at all */
function parsed(user) {
  try {
    return JSON.parse(user);
  } catch {
    return null;
  }
}

/**
 * Tells one listener; what it throws is the page's to see and stops nobody.
 *
 * @param {Listener} listener
 * @param {unknown} event
 */
function tell(listener, event) {
  try {
    listener(/** @type {never} */ (event));
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else
      queueMicrotask(() => {
        throw error;
      });
  }
}

const SPAN = "a number of seconds, 0 or more";

/** A century, in seconds: beyond it is a mistake. */
const LONGEST_SPAN = 3.2e9;

/** @param {unknown} value */
function isSpan(value) {
  return typeof value === "number" && value >= 0 && value < LONGEST_SPAN;
}

const EVENTS = ["refresh", "refresh-failed", "signed-out", "user-changed", "call", "trace"];

/**
 * Makes what `createSession` resolves to: methods that work detached, and end with their own `close`.
 *
 * @param {Core} core
 * @returns {import("./index.js").Session}
 */
function openSession(core) {
  const { host } = core;
  /** @type {Set<() => void>} */
  const ends = new Set();
  let isClosed = false;
  core.sharers++;

  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  function call(work) {
    if (isClosed) return Promise.reject(new SessionError("closed", CLOSED_SESSION));
    try {
      return work();
    } catch (error) {
      return Promise.reject(asSessionError(error));
    }
  }

  /**
   * @param {string} type
   * @param {Listener} listener
   */
  function listen(type, listener) {
    if (isClosed) return () => {};
    const unlisten = core.listen(type, listener);
    const end = () => {
      unlisten();
      ends.delete(end);
    };
    ends.add(end);
    return end;
  }

  function close() {
    if (isClosed) return;
    isClosed = true;
    for (const end of [...ends]) end();
    core.release();
  }

  /** @type {Omit<import("./index.js").Session, typeof Symbol.dispose>} */
  const session = {
    fetch: (input, init) => call(() => host.calls.fetch(input, init)),
    getToken: ({ minValidity = 0, signal } = {}) =>
      call(() => host.getToken(isSpan(minValidity) ? minValidity : refuse("minValidity", SPAN), signal)),
    refresh: ({ force = false, signal } = {}) => call(() => host.refresh(force, signal).then(() => undefined)),
    adopt: (source) => call(() => host.adopt(source).then(() => undefined)),
    signOut: ({ everywhere = false } = {}) =>
      call(() => host.signOut(everywhere).then((told) => ({ serverTold: told === true }))),
    get status() {
      return core.snapshot;
    },
    getSnapshot: () => core.snapshot,
    subscribe(listener) {
      const end = listen("status", listener);
      tell(listener, core.snapshot);
      return end;
    },
    on(type, listener) {
      if (!EVENTS.includes(type)) throw new TypeError(`there is no event ${String(type)}`);
      return listen(type, listener);
    },
    get expiresIn() {
      return isClosed ? 0 : host.look(LEFT_OF_IT);
    },
    trace: () => core.trace(),
    close,
  };
  if (Symbol.dispose) Object.defineProperty(session, Symbol.dispose, { value: close });
  return /** @type {import("./index.js").Session} */ (Object.freeze(session));
}

/**
 * A trap is a bug of the SDK; everything else is what it is.
 *
 * @param {unknown} error
 */
function asSessionError(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return misconfigured(error);
  return new SessionError("internal", "the session module failed", { cause: error });
}
