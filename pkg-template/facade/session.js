/** The `Session` object that `createSession` returns. */

import { CLOSED_SESSION } from "../../src/host/host.js";
import { refuse } from "../../src/host/options.js";
import { own } from "../../src/host/own.js";
import { tell } from "./core.js";
import { misconfigured, SessionError } from "./errors.js";

/** @typedef {import("../../src/host/host.js").Host} Host */
/** @typedef {import("./core.js").SharedSession} SharedSession */
/** @typedef {import("./core.js").Listener} Listener */

/**
 * Options of a waiting call; an invalid signal throws when used.
 *
 * @typedef {{ [name: string]: unknown, signal: AbortSignal | undefined }} Waiting
 */

/** A century, in milliseconds; a longer duration is a mistake. */
const LONGEST_MS = 3.2e12;

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isDuration(value) {
  return typeof value === "number" && value >= 0 && value < LONGEST_MS;
}

/**
 * @param {object} target
 * @param {string | symbol} name
 * @param {unknown} value
 */
function define(target, name, value) {
  Object.defineProperty(target, name, own({ value }));
}

const EVENTS = [
  "call",
  "refresh",
  "refresh_failed",
  "sign_in_failed",
  "signed_out",
  "step_up_required",
  "trace",
  "user_changed",
];

/**
 * Creates the `Session` object: its methods work detached, and its `close` affects only this object.
 *
 * @param {SharedSession} core
 * @returns {import("../index.js").Session}
 */
export function openSession(core) {
  /** @type {Set<() => void>} */
  const ends = new Set();
  let isClosed = false;
  core.refCount++;

  /**
   * @template T
   * @param {(host: Host) => Promise<T>} work
   */
  function call(work) {
    if (isClosed) return Promise.reject(new SessionError("closed", CLOSED_SESSION));
    try {
      return work(core.activeHost());
    } catch (error) {
      return Promise.reject(misconfigured(error));
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

  /** @type {Omit<import("../index.js").Session, typeof Symbol.dispose>} */
  const session = {
    ...requests(call),
    get ready() {
      return core.ready;
    },
    get signInError() {
      return /** @type {import("../index.js").SessionError | null} */ (core.signInError);
    },
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
      if (!EVENTS.includes(type)) throw new TypeError(`no event ${String(type)}`);
      return listen(type, listener);
    },
    get expiresIn() {
      return isClosed ? 0 : core.host.tokenLeft();
    },
    trace: () => core.trace(),
    close,
  };
  // The same `length` as the platform's `fetch`.
  define(session.fetch, "length", 1);
  if (Symbol.dispose) define(session, Symbol.dispose, close);
  return /** @type {import("../index.js").Session} */ (Object.freeze(session));
}

/**
 * The methods that request something of a host.
 *
 * @param {<T>(work: (host: Host) => Promise<T>) => Promise<T>} call
 * @returns {Pick<import("../index.js").Session, "fetch" | "getToken" | "refresh" | "proof" | "signIn" | "signUp" | "setTokens" | "signOut" | "stepUp">}
 */
function requests(call) {
  /** Calls what has no result for the app. @param {(host: Host) => Promise<unknown>} work @returns {Promise<void>} */
  const run = (work) => call((host) => work(host).then(() => undefined));
  return {
    fetch: (...given) => call((host) => host.calls.fetch(...given)),
    getToken: (options) =>
      call((host) => {
        const { minValidityMs = 0, context, signal } = /** @type {Waiting} */ (own(options));
        if (!isDuration(minValidityMs)) refuse("minValidityMs", "0 or more");
        return host.getToken(minValidityMs, context, signal);
      }),
    refresh: (options) =>
      run((host) => {
        const { force, signal } = /** @type {Waiting} */ (own(options));
        return host.refresh(!!force, signal);
      }),
    proof: (request) =>
      call((host) => {
        const { url, method, signIn, challenge } = own(request);
        return host.proof(
          `${url}`,
          `${method ?? "GET"}`,
          !!signIn,
          /** @type {import("../../src/host/own.js").Fields | undefined} */ (challenge),
        );
      }),
    signIn: (how) => run((host) => host.signIn(how, "sign-in")),
    signUp: (credentials) => run((host) => host.signIn(credentials, "sign-up")),
    stepUp: (credentials) => run((host) => host.stepUp(credentials)),
    setTokens: (response) => run((host) => host.setTokens(response)),
    signOut: (options) =>
      call((host) => host.signOut(own(options)).then((notified) => ({ serverNotified: notified === true }))),
  };
}
