/** In-flight requests to the auth server or the app's own functions. Each result is fed to the machine as an input. */

import { grantOf, sendCredentials, sendRefresh, signIn, signOut } from "./http.js";
import {
  SIGN_IN_FINISHED,
  SIGN_IN_THREW,
  REFRESH_ENDED,
  REFRESH_FAILED,
  REFRESH_GRANTED,
  SIGN_OUT_FAILED,
  SIGN_OUT_NOTIFIED,
} from "../generated/codes.js";
import { own } from "./own.js";

/** An input, by position: its kind, its id, then its other fields. @typedef {import("./host.js").Given} Given */
/** @typedef {import("./http.js").Answer} Answer */

/** The most contexts of one refresh: `MAX_CONTEXTS` in `wire.rs`. */
const MAX_CONTEXTS = 16;

export class Requests {
  #realm;
  #settings;
  #feed;
  /** The abort controllers of in-flight requests, by attempt. @type {Map<number, AbortController>} */
  #open = new Map();

  /**
   * @param {import("./realm.js").Realm} realm
   * @param {import("./options.js").Settings} settings
   * @param {(...given: Given) => void} feed
   */
  constructor(realm, settings, feed) {
    this.#realm = realm;
    this.#settings = settings;
    this.#feed = feed;
  }

  /**
   * Sends a refresh, or takes over the early refresh that was sent before the module was loaded.
   *
   * @param {number} attempt
   * @param {string} reason
   * @param {string} page
   * @param {number} activeAgoMs
   * @param {string} names those of contexts besides the session's, separated by spaces
   * @param {import("./early-refresh.js").EarlyRequest} [early]
   */
  refresh(attempt, reason, page, activeAgoMs, names, early) {
    const realm = this.#realm;
    const contexts = new Set([...this.#settings.contexts, ...names.split(" ")]);
    contexts.delete("");
    const declared = /** @type {import("./http.js").Refresh} */ ([
      reason,
      page,
      activeAgoMs,
      [...contexts].slice(0, MAX_CONTEXTS),
    ]);
    const controller = early?.controller ?? new AbortController();
    const ask = () => sendRefresh(realm, this.#settings, declared, controller.signal);
    const age = early ? (realm.performance.now() - early.sent) / 1_000 : 0;
    const given = (/** @type {Answer} */ answer) => refreshed(attempt, answer, declared);
    /** @param {Answer} answer @returns {Promise<Given> | Given} */
    const read = (answer) => {
      const first = refreshed(attempt, answer, early?.declared ?? declared);
      const [kind, , lifetime = 0, refreshIn = 0, ...rest] = first;
      if (!age || kind !== REFRESH_GRANTED) return first;
      // The lifetime counts from the request; a token that has used half of it by now is requested again.
      if (lifetime < age * 2) return ask().then(given);
      return [kind, attempt, lifetime - age, refreshIn - age, ...rest];
    };
    const answer = early?.answer ?? ask();
    this.#finish(attempt, controller, answer.then(read), (error) => this.#refreshFailed(attempt, error));
  }

  /**
   * The input for a refresh without a response. An app's error with an own `name` of `SessionEnded` ends the session; any
   * other counts as transient.
   *
   * @param {number} attempt
   * @param {unknown} error
   * @returns {Given}
   */
  #refreshFailed(attempt, error) {
    const { refresh } = this.#settings;
    const { name, reason } = own(typeof refresh === "string" ? undefined : error);
    if (name === "SessionEnded") return [REFRESH_ENDED, attempt, 0, 0, 0, `${reason ?? ""}`];
    return [REFRESH_FAILED, attempt, 0, Number.NaN, 0, this.#failure(refresh)];
  }

  /**
   * Sends a sign-out.
   *
   * @param {number} attempt
   * @param {boolean} everywhere
   */
  signOut(attempt, everywhere) {
    const endpoint = this.#settings.signOut;
    const controller = new AbortController();
    const notified = signOut(this.#realm, this.#settings, everywhere, controller.signal).then(
      /** @returns {Given} */
      (answer) =>
        typeof endpoint === "string"
          ? signedOut(attempt, /** @type {Answer} */ (answer))
          : [SIGN_OUT_NOTIFIED, attempt],
    );
    const failed = () => /** @type {Given} */ ([SIGN_OUT_FAILED, attempt, 0, Number.NaN, 0, this.#failure(endpoint)]);
    this.#finish(attempt, controller, notified, failed);
  }

  /**
   * Runs a sign-in function.
   *
   * @param {number} attempt
   * @param {(() => unknown) | undefined} run `undefined` if its caller is gone
   * @param {(thrown: unknown) => void} threw
   */
  signIn(attempt, run, threw) {
    if (!run) return this.#feed(SIGN_IN_THREW, attempt);
    const granted = signIn(this.#realm, run).then(
      (answer) => /** @type {Given} */ ([SIGN_IN_FINISHED, attempt, ...grantOf(answer, 0, this.#settings.contexts)]),
    );
    this.#finish(attempt, undefined, granted, (error) => {
      threw(error);
      return [SIGN_IN_THREW, attempt];
    });
  }

  /**
   * Sends credentials to an endpoint of the reference protocol and returns the token response. Rejects with an error that the
   * app makes.
   *
   * @param {string} endpoint
   * @param {object} credentials
   * @param {import("./host.js").App} app
   */
  async credentials(endpoint, credentials, app) {
    const {
      status,
      retryAfter = Number.NaN,
      body,
    } = await sendCredentials(this.#realm, this.#settings, endpoint, credentials);
    if (status >= 200 && status < 300) return body;
    const { error, error_description: description } = own(body);
    const isRefused = status >= 400 && status < 500;
    const failure = status < 0 ? "timeout" : status ? "server_error" : this.#failure("");
    const code = isRefused ? "sign_in_refused" : status < 0 ? "timeout" : "unreachable";
    const message = `${description ?? "no response"}`;
    throw app.error(code, message, "", isRefused ? "" : failure, retryAfter * 1_000, undefined, `${error ?? ""}`);
  }

  /**
   * The cause of a failure without a response. The platform does not distinguish DNS, connection, TLS, CORS and redirects.
   *
   * @param {unknown} endpoint
   */
  #failure(endpoint) {
    if (typeof endpoint !== "string") return "refresher_failed";
    return this.#realm.navigator?.onLine === false ? "offline" : "network";
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

/** @param {number} attempt @param {Answer} answer @param {import("./http.js").Refresh} declared @returns {Given} */
function refreshed(attempt, { status, retryAfter, isTooLarge, body }, [, , , contexts]) {
  if ((status === 200 || status === 0) && !isTooLarge)
    return [REFRESH_GRANTED, attempt, ...grantOf(body, status, contexts)];
  const { error, reason } = own(body);
  const isOver = status === 401 && error === "session_ended" && typeof reason === "string";
  if (isOver) return [REFRESH_ENDED, attempt, status, 0, 0, reason];
  return [REFRESH_FAILED, attempt, status, retryAfter, 0, isTooLarge ? "too_large" : ""];
}

/** @param {number} attempt @param {Answer} answer @returns {Given} */
function signedOut(attempt, { status, retryAfter }) {
  // 401: the session had already ended.
  if ((status >= 200 && status < 300) || status === 401) return [SIGN_OUT_NOTIFIED, attempt];
  return [SIGN_OUT_FAILED, attempt, status, retryAfter, 0, ""];
}
