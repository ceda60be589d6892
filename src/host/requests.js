/** In-flight requests to the auth server or the app's own functions. Each result is fed to the machine as an input. */

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

/** An input, by position: its kind, its id, then its other fields. @typedef {import("./host.js").Given} Given */

/**
 * The response of an endpoint.
 *
 * @typedef {{ status: number, retryAfter?: number, isTooLarge?: boolean, body?: unknown }} Answer
 */

export class Requests {
  #signOutEndpoint;
  #native;
  #refreshEndpoint;
  #feed;
  /** The abort controllers of in-flight requests, by attempt. @type {Map<number, AbortController>} */
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
   * Sends a refresh, or takes over the early refresh that was sent before the module was loaded.
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
      // The lifetime counts from the request; a token that has used half of it by now is requested again.
      if (life < age * 2) return ask().then(given);
      return [kind, attempt, life - age, refreshIn - age, ...rest];
    };
    const answer = early?.answer ?? ask();
    this.#finish(attempt, controller, answer.then(read), (error) => renewalFailed(attempt, isApp, error));
  }

  /**
   * Sends a sign-out.
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
   * Aborts a request whose response is no longer needed.
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
 * The input for a refresh without a response. An app's error with an own `name` of `SessionEnded` ends the session; any
 * other counts as transient.
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
  // 401: the session had already ended.
  if ((status >= 200 && status < 300) || status === 401) return [SIGN_OUT_NOTIFIED, attempt];
  return [SIGN_OUT_FAILED, attempt, status, retryAfter, 0, ""];
}

/** The platform does not distinguish DNS, connection, TLS, CORS and redirect failures. */
function networkFailure() {
  return globalThis.navigator?.onLine === false ? "offline" : "network";
}
