/** One session on this page: its host, its listeners, its snapshot and its trace. */

import { Host } from "../../src/host/host.js";
import { SessionError } from "./errors.js";

/** @typedef {import("../../src/host/host.js").App} App */
/** @typedef {import("../index.js").SessionStatus} SessionStatus */
/** @typedef {import("../index.js").SessionErrorCode} SessionErrorCode */
/** @typedef {import("../index.js").FailureCause} FailureCause */
/** @typedef {(event: never) => void} Listener */

/** Length of the trace. */
const KEPT_STEPS = 64;

/** One session on this page, shared by all `Session` objects with its settings: its host and its listeners. */
export class SharedSession {
  #instance;
  #onRelease;
  #generation = 0;
  refCount = 0;
  /** @type {SessionStatus} */
  snapshot = Object.freeze({ state: "unknown", degraded: false });
  /** @type {Map<string, Set<{ listener: Listener }>>} */
  #listeners = new Map();
  /** @type {import("../index.js").TraceEntry[]} */
  #steps = [];

  /**
   * @param {import("./instance.js").Instance} instance
   * @param {import("../../src/host/options.js").Settings} settings
   * @param {() => void} onRelease
   * @param {import("../../src/host/early-refresh.js").EarlyRefresh | undefined} earlyRefresh
   */
  constructor(instance, settings, onRelease, earlyRefresh) {
    this.#instance = instance;
    this.settings = settings;
    this.#onRelease = onRelease;
    this.host = this.#startHost(earlyRefresh);
    instance.sessions.add(this);
  }

  /** @param {import("../../src/host/early-refresh.js").EarlyRefresh} [earlyRefresh] */
  #startHost(earlyRefresh) {
    const { glue, generation } = this.#instance;
    this.#generation = generation;
    const host = new Host((...given) => new glue.Machine(...given), this.settings, this, earlyRefresh);
    if (this.#listeners.get("call")?.size) host.calls.onCall = (...call) => this.called(...call);
    return host;
  }

  /** Returns the active host; after a trap, a new one on a fresh instance of the module. */
  activeHost() {
    if (this.host.trap) this.host = this.#startHost();
    return this.host;
  }

  /** @type {App["onTrap"]} */
  onTrap(cause) {
    // Another session on this instance may already have restarted it.
    if (this.#generation === this.#instance.generation) this.#instance.reinstantiate(cause);
  }

  /**
   * @param {string} type
   * @param {Listener} listener
   */
  listen(type, listener) {
    if (typeof listener !== "function") throw new TypeError("the listener is not a function");
    // Wrapped, so that a function registered twice counts as two listeners.
    const entry = { listener };
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set.add(entry));
    if (type === "call") this.host.calls.onCall = (...call) => this.called(...call);
    return () => {
      set.delete(entry);
      if (type === "call" && set.size === 0) this.host.calls.onCall = undefined;
    };
  }

  /**
   * @param {string} type
   * @param {unknown} event
   */
  #emit(type, event) {
    const set = this.#listeners.get(type);
    if (set === undefined) return;
    for (const { listener } of [...set]) tell(listener, event);
  }

  release() {
    if (--this.refCount > 0) return;
    this.#onRelease();
    this.#instance.sessions.delete(this);
    this.host.close();
  }

  trace() {
    return Object.freeze([...this.#steps]);
  }

  // The host's callbacks, with positional arguments; an unknown value is an empty text or NaN.

  /** @type {App["status"]} */
  status(state, degraded, reason, sessionId, user, serverTold) {
    const failure = /** @type {FailureCause | ""} */ (degraded) || false;
    /** @type {SessionStatus} */
    let next = { state: "unknown", degraded: failure };
    if (state === "signed-in") next = { state, user: parsed(user), sessionId, degraded: failure };
    if (state === "signed-out") next = { state, reason: word(reason), serverTold, degraded: false };
    this.snapshot = Object.freeze(next);
    this.#emit("status", this.snapshot);
  }

  /** @type {App["refreshed"]} */
  refreshed(reason, source, waiting, duration, expiresIn, refreshIn) {
    this.#emit("refresh", Object.freeze({ reason: word(reason), source, waiting, duration, expiresIn, refreshIn }));
  }

  /** @type {App["refreshFailed"]} */
  refreshFailed(reason, cause, httpStatus, duration, failures, retryIn) {
    const event = { reason, cause, httpStatus: number(httpStatus), duration, failures, retryIn };
    this.#emit("refresh-failed", Object.freeze(event));
  }

  /** @type {App["signedOut"]} */
  signedOut(reason) {
    this.#emit("signed-out", Object.freeze({ reason, trace: this.trace() }));
  }

  /** @type {App["userChanged"]} */
  userChanged(previous, user) {
    this.#emit("user-changed", Object.freeze({ user: parsed(user), previous: parsed(previous) }));
  }

  /** @type {App["called"]} */
  called(method, url, waited, tokenAge, httpStatus, retried, duration) {
    const event = { method, url, waited, tokenAge, httpStatus: httpStatus ?? null, retried, duration };
    this.#emit("call", Object.freeze(event));
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
    this.#steps.push(/** @type {import("../index.js").TraceEntry} */ (step));
    if (this.#steps.length > KEPT_STEPS) this.#steps.shift();
    this.#emit("trace", step);
  }

  /** @type {App["error"]} */
  error(code, message, reason, failure, retryIn, cause) {
    return new SessionError(/** @type {SessionErrorCode} */ (code), message, {
      cause,
      reason: word(reason),
      failure: word(failure),
      retryIn: number(retryIn),
    });
  }
}

/**
 * Returns a value of a string union; `null` for an empty text.
 *
 * @template {string} Word
 * @param {string} text
 * @returns {Word | null}
 */
function word(text) {
  return /** @type {Word} */ (text) || null;
}

/** @param {number} value NaN becomes `null` */
function number(value) {
  return Number.isNaN(value) ? null : value;
}

/** @param {string} user from another tab, so possibly invalid JSON */
function parsed(user) {
  try {
    return JSON.parse(user);
  } catch {
    return null;
  }
}

/**
 * Calls one listener; an error is reported to the page and does not stop the others.
 *
 * @param {Listener} listener
 * @param {unknown} event
 */
export function tell(listener, event) {
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
