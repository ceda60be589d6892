/** One session on this page: its host, its listeners, its snapshot and its trace. */

import { cancelEarly, startEarly, startedIn } from "../../src/host/early-refresh.js";
import { Host } from "../../src/host/host.js";
import { parsed } from "../../src/host/http.js";
import { SessionError } from "./errors.js";
import { LastUser } from "../../src/host/last-user.js";

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
  #load;
  #onRelease;
  #realm;
  #generation = 0;
  refCount = 0;
  #lastUser;
  /** @type {SessionStatus} */
  snapshot;
  /** Why the last sign-in by redirect failed. @type {unknown} */
  signInError = null;
  /** Resolves when the module is loaded. @type {Promise<void>} */
  ready = Promise.resolve();
  /** @type {Map<string, Set<{ listener: Listener }>>} */
  #listeners = new Map();
  /** @type {import("../index.js").TraceEntry[]} */
  #steps = [];

  /**
   * @param {import("./instance.js").Instance} instance
   * @param {import("../../src/host/options.js").Settings} settings
   * @param {(() => Promise<void>) | undefined} load loads the module; `undefined` if it is loaded
   * @param {() => void} onRelease
   * @param {import("../../src/host/realm.js").Realm} realm
   */
  constructor(instance, settings, load, onRelease, realm) {
    // Before all else: the browser process grants the lock meanwhile.
    const early = load && (startedIn(realm)?.(settings) ?? startEarly(settings, realm));
    this.#instance = instance;
    this.settings = settings;
    this.#load = load;
    this.#onRelease = onRelease;
    this.#realm = realm;
    this.#lastUser = new LastUser(settings, realm);
    const initial = settings.initial ?? { state: "unknown", failure: null, lastUser: this.#lastUser.get() };
    this.snapshot = Object.freeze(/** @type {SessionStatus} */ (initial));
    this.host = this.#open(early);
    instance.sessions.add(this);
  }

  /** Creates a host, which queues calls until the module is loaded. @param {import("../../src/host/early-refresh.js").EarlyRefresh} [early] */
  #open(early) {
    const host = new Host(this.settings, this, this.#realm);
    this.#observeCalls(host);
    if (this.#load) this.ready = this.#startLoaded(host, this.#load, early);
    else this.#start(host);
    return host;
  }

  /**
   * Starts the host when the module is loaded.
   *
   * @param {Host} host
   * @param {() => Promise<void>} load
   * @param {import("../../src/host/early-refresh.js").EarlyRefresh} [early]
   */
  #startLoaded(host, load, early) {
    const ready = load()
      .then(() => early?.decided)
      .then(
        () => this.#start(host, early),
        (error) => {
          cancelEarly(early);
          host.break(error);
          throw error;
        },
      );
    // Calls are rejected with the same error.
    ready.catch(() => {});
    return ready;
  }

  /**
   * @param {Host} host
   * @param {import("../../src/host/early-refresh.js").EarlyRefresh} [early]
   */
  #start(host, early) {
    const { glue, generation } = this.#instance;
    this.#generation = generation;
    return host.start((...given) => new glue.Machine(...given), early);
  }

  /** Returns the active host; after a failure of the module, a new one. */
  activeHost() {
    if (this.host.broken) this.host = this.#open();
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
    if (typeof listener !== "function") throw new TypeError("the listener is no function");
    // Wrapped, so that a function registered twice counts as two listeners.
    const entry = { listener };
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set.add(entry));
    this.#observeCalls(this.host);
    return () => {
      set.delete(entry);
      this.#observeCalls(this.host);
    };
  }

  /** Observes calls if there is a listener. @param {Host} host */
  #observeCalls({ calls }) {
    const has = (/** @type {string} */ type) => this.#listeners.get(type)?.size;
    calls.onCall = has("call") ? (...call) => this.called(...call) : undefined;
    calls.onStepUp = has("step_up_required") ? this.#tellStepUp : undefined;
  }

  /**
   * @param {string} type
   * @param {unknown} event frozen from here on
   */
  emit(type, event) {
    Object.freeze(event);
    const set = this.#listeners.get(type);
    if (set === undefined) return;
    for (const { listener } of [...set]) tell(listener, event);
  }

  /** @type {import("../../src/host/step-up.js").Tell} */
  #tellStepUp = (event) => this.emit("step_up_required", event);

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
  status(serverNotified, state, cause, reason, sessionId, user) {
    const failure = /** @type {FailureCause | null} */ (word(cause));
    /** @type {SessionStatus} */
    let next;
    if (state === "signed_in") {
      next = { state, user: parsed(user) ?? null, sessionId, failure };
      tell((/** @type {unknown} */ known) => this.#lastUser.keep(known), next.user);
    } else if (state === "signed_out") {
      next = { state, reason: word(reason), serverNotified, failure: null };
      this.#lastUser.forget();
    } else if (this.snapshot.state === "signed_in") next = { ...this.snapshot, failure };
    else next = { state: "unknown", failure, lastUser: this.#lastUser.get() };
    this.snapshot = next;
    this.emit("status", next);
  }

  /** @type {App["refreshed"]} */
  refreshed(waiting, durationMs, expiresIn, refreshIn, reason, source) {
    this.emit("refresh", { reason: word(reason), source, waiting, durationMs, expiresIn, refreshIn });
  }

  /** @type {App["refreshFailed"]} */
  refreshFailed(httpStatus, durationMs, failures, retryInMs, reason, failure) {
    const event = { reason, failure, httpStatus: number(httpStatus), durationMs, failures, retryInMs };
    this.emit("refresh_failed", event);
  }

  /** @type {App["signedOut"]} */
  signedOut(reason) {
    this.emit("signed_out", { reason, trace: this.trace() });
  }

  /** @type {App["userChanged"]} */
  userChanged(previous, user) {
    this.emit("user_changed", { user: parsed(user) ?? null, previous: parsed(previous) ?? null });
  }

  /** @type {App["called"]} */
  called(method, url, waitedMs, tokenAgeMs, httpStatus, retried, durationMs) {
    const event = { method, url, waitedMs, tokenAgeMs, httpStatus: httpStatus ?? null, retried, durationMs };
    this.emit("call", event);
  }

  /** @type {App["traced"]} */
  traced(atMs, tab, attempt, trigger, status, page, outcome) {
    const step = {
      atMs,
      trigger,
      status,
      tab: tab.toString(16).padStart(8, "0"),
      page,
      attempt: number(attempt),
      outcome: word(outcome),
    };
    this.#steps.push(/** @type {import("../index.js").TraceEntry} */ (step));
    if (this.#steps.length > KEPT_STEPS) this.#steps.shift();
    this.emit("trace", step);
  }

  /** @type {App["error"]} */
  error(code, message, reason, failure, retryInMs, cause, problem) {
    return new SessionError(/** @type {SessionErrorCode} */ (code), message, {
      cause,
      reason: word(reason),
      failure: word(failure),
      retryInMs: number(retryInMs),
      problem: word(problem ?? ""),
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
