/** Exchanges with the auth server, or the app in its place: each ends as an input, by its answer or by being aborted. */

import { grantOf, sendRefresh, signIn, signOut } from "./http.js";
import {
  SIGN_IN_FINISHED,
  SIGN_IN_THREW,
  REFRESH_ENDED,
  REFRESH_FAILED,
  REFRESH_GRANTED,
  SIGN_OUT_FAILED,
  SIGN_OUT_NOTIFIED,
} from "./bridge.js";
import { own } from "./own.js";

/** An input, by position: its kind, whose it is, then what it brings. @typedef {import("./host.js").Given} Given */

/** What an endpoint has answered. @typedef {{ status: number, retryAfter?: number, isTooLarge?: boolean, body?: unknown }} Answer */

export class Requests {
  #signOutEndpoint;
  #native;
  #refreshEndpoint;
  #feed;
  /** What ends those that are open, by attempt. @type {Map<number, AbortController>} */
  #open = new Map();

  /**
   * @param {import("./options.js").Settings} settings
   * @param {(...given: Given) => void} feed
   */
  constructor({ refresh, signOut }, feed) {
    this.#native = fetch;
    this.#refreshEndpoint = refresh;
    this.#signOutEndpoint = signOut;
    this.#feed = feed;
  }

  /**
   * Asks for a new token, or takes over the request that was sent before the machine was there.
   *
   * @param {number} attempt
   * @param {string} reason
   * @param {string} page
   * @param {number} activeAgo in seconds
   * @param {import("./early-refresh.js").EarlyRequest} [early]
   */
  refresh(attempt, reason, page, activeAgo, early) {
    const controller = early?.controller ?? new AbortController();
    const ask = () => sendRefresh(this.#native, this.#refreshEndpoint, reason, page, activeAgo, controller.signal);
    const isApp = typeof this.#refreshEndpoint !== "string";
    const age = early ? (performance.now() - early.sent) / 1_000 : 0;
    const given = (/** @type {unknown} */ answer) =>
      isApp ? granted(attempt, answer, true, 0) : refreshed(attempt, /** @type {Answer} */ (answer));
    /** @param {unknown} answer @returns {Promise<Given> | Given} */
    const read = (answer) => {
      const first = given(answer);
      const [kind, , life = 0, refreshIn = 0, ...rest] = first;
      if (!age || kind !== REFRESH_GRANTED) return first;
      // Its life counts from when it was asked for; what has lost half of it meanwhile is asked for again.
      if (life < age * 2) return ask().then(given);
      return [kind, attempt, life - age, refreshIn - age, ...rest];
    };
    const answer = early?.answer ?? ask();
    this.#finish(attempt, controller, answer.then(read), (error) => renewalFailed(attempt, isApp, error));
  }

  /**
   * Tells of a sign-out.
   *
   * @param {number} attempt
   * @param {boolean} everywhere
   */
  signOut(attempt, everywhere) {
    const controller = new AbortController();
    const isApp = typeof this.#signOutEndpoint !== "string";
    const told = signOut(this.#native, this.#signOutEndpoint, everywhere, controller.signal).then(
      /** @returns {Given} */
      (answer) => (isApp ? [SIGN_OUT_NOTIFIED, attempt] : signedOut(attempt, /** @type {Answer} */ (answer))),
    );
    this.#finish(attempt, controller, told, () => [
      SIGN_OUT_FAILED,
      attempt,
      0,
      Number.NaN,
      0,
      isApp ? "refresher_failed" : networkFailure(),
    ]);
  }

  /**
   * Runs the app's sign-in function.
   *
   * @param {number} attempt
   * @param {() => unknown} run
   * @param {(thrown: unknown) => void} threw
   */
  adopt(attempt, run, threw) {
    const adopted = signIn(run).then(
      /** @returns {Given} */
      (answer) => {
        const [life, refreshIn, text] = grantOf(answer, false);
        return [SIGN_IN_FINISHED, attempt, life, refreshIn, 0, text];
      },
    );
    this.#finish(attempt, undefined, adopted, (error) => {
      threw(error);
      return [SIGN_IN_THREW, attempt];
    });
  }

  /**
   * Ends an exchange whose answer is no longer wanted.
   *
   * @param {number} attempt
   */
  abort(attempt) {
    this.#open.get(attempt)?.abort();
    this.#open.delete(attempt);
  }

  abortAll() {
    for (const attempt of this.#open.keys()) this.abort(attempt);
  }

  /**
   * @param {number} attempt
   * @param {AbortController | undefined} controller
   * @param {Promise<Given>} answered
   * @param {(error: unknown) => Given} failed
   */
  #finish(attempt, controller, answered, failed) {
    if (controller) this.#open.set(attempt, controller);
    answered.catch(failed).then((given) => {
      this.#open.delete(attempt);
      this.#feed(...given);
    });
  }
}

/** @param {number} attempt @param {unknown} answer @param {boolean} isApp @param {number} status @returns {Given} */
function granted(attempt, answer, isApp, status) {
  const [life, refreshIn, text] = grantOf(answer, isApp);
  return [REFRESH_GRANTED, attempt, life, refreshIn, status, text];
}

/** @param {number} attempt @param {Answer} answer @returns {Given} */
function refreshed(attempt, { status, retryAfter = Number.NaN, isTooLarge, body }) {
  if (status === 200 && !isTooLarge) return granted(attempt, body, false, status);
  const { error, reason } = own(body);
  const isOver = status === 401 && error === "session_ended" && typeof reason === "string";
  if (isOver) return [REFRESH_ENDED, attempt, status, 0, 0, reason];
  return [REFRESH_FAILED, attempt, status, retryAfter, 0, isTooLarge ? "too_large" : ""];
}

/**
 * What an exchange that has no answer comes to. An app's error with a `name` of its own, `SessionEnded`, says that the session is
 * over; any other is taken as passing.
 *
 * @param {number} attempt
 * @param {boolean} isApp
 * @param {unknown} error
 * @returns {Given}
 */
function renewalFailed(attempt, isApp, error) {
  const { name, reason } = own(isApp ? error : undefined);
  if (name === "SessionEnded") return [REFRESH_ENDED, attempt, 0, 0, 0, `${reason ?? ""}`];
  return [REFRESH_FAILED, attempt, 0, Number.NaN, 0, isApp ? "refresher_failed" : networkFailure()];
}

/** @param {number} attempt @param {Answer} answer @returns {Given} */
function signedOut(attempt, { status, retryAfter = Number.NaN }) {
  // 401: the session was over before.
  if ((status >= 200 && status < 300) || status === 401) return [SIGN_OUT_NOTIFIED, attempt];
  return [SIGN_OUT_FAILED, attempt, status, retryAfter, 0, ""];
}

/** The platform does not tell name resolution, connection, TLS, CORS and redirects apart. */
function networkFailure() {
  return globalThis.navigator?.onLine === false ? "offline" : "network";
}
