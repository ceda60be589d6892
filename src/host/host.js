/** The loop between the machine and the browser: feeds inputs, executes commands. Contains no decisions. */

import { grantOf } from "./http.js";
import { Callers } from "./callers.js";
import { FetchWrapper } from "./fetch.js";
import { Requests } from "./requests.js";
import { cancelEarly } from "./early-refresh.js";
import { Locks } from "./locks.js";
import * as bridge from "./bridge.js";
import { isHidden, watchLifecycle } from "./lifecycle.js";
import { RecordStorage } from "./storage.js";

/** An input, by position. @typedef {[kind: number, id: number, a?: number, b?: number, c?: number, text?: string]} Given */

/**
 * The app's callbacks, with positional arguments; `undefined` and empty texts stand for unknown values.
 *
 * @typedef {object} App
 * @property {(state: string, degraded: string, reason: string, sessionId: string, user: string, serverTold: boolean) => void} status
 * @property {(reason: string, source: string, waiting: number, duration: number, expiresIn: number, refreshIn: number) => void} refreshed
 * @property {(reason: string, cause: string, httpStatus: number, duration: number, failures: number, retryIn: number) => void} refreshFailed
 * @property {(reason: string) => void} signedOut
 * @property {(previous: string, user: string) => void} userChanged
 * @property {(method: string, url: string, waited: number, tokenAge: number, httpStatus: number | undefined, retried: boolean, duration: number) => void} called
 * @property {(at: number, tab: number, attempt: number, trigger: string, status: string, page: string, outcome: string) => void} traced
 * @property {(code: string, message: string, reason: string, failure: string, retryIn: number, cause?: unknown) => unknown} error makes the error that a caller is rejected with
 * @property {(cause: unknown) => void} onTrap the module has trapped: this host is unusable, and a new instance is needed
 */

/** The machine's return value if it needs no timer, or sets its own. */
const NOTHING_TO_WAIT_FOR = -1;

/** The error message for calls made after `close`. */
export const CLOSED_SESSION = "the session object was closed";

/** The error message for calls that hit a trap in the module. */
const BROKEN_MODULE = "the session module failed";

export class Host {
  #app;
  #callers;
  #requests;
  #name;
  #storage;
  #unwatch;
  #locks;
  #key;
  #earlyRefresh;
  /** @type {Given[]} */
  #queue = [];
  #isDraining = false;
  #isClosed = false;
  /** The error of the trap. @type {{ cause: unknown } | undefined} */
  trap;
  #lastTouch = Number.NEGATIVE_INFINITY;
  /** @type {import("./fetch.js").Bearer | undefined} */
  #current;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** @type {bridge.Machine | undefined} */
  #machine;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * Starts a session: adds event listeners and, if there may be a session, requests the first token.
   *
   * @param {(...given: ConstructorParameters<typeof import("./machine.js").Machine>) => bridge.Machine} make makes a machine
   * @param {import("./options.js").Settings} settings
   * @param {App} app
   * @param {import("./early-refresh.js").EarlyRefresh} [earlyRefresh]
   */
  constructor(make, settings, app, earlyRefresh) {
    const feed = (/** @type {Given} */ ...given) => this.feed(...given);
    const [seed = 0] = new Float64Array(crypto.getRandomValues(new Uint32Array(2)).buffer);
    const [name = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.#name = name;
    this.#app = app;
    this.#earlyRefresh = earlyRefresh;
    this.#storage = new RecordStorage(settings.key);
    this.#callers = new Callers(feed);
    this.#locks = new Locks(settings.key, feed, earlyRefresh);
    this.#requests = new Requests(settings, feed);
    this.calls = new FetchWrapper(settings.apis, this);
    this.#key = settings.key;
    this.#machine = make(name, seed, settings.timeout, performance.now(), Date.now());
    this.#unwatch = watchLifecycle(settings.key, feed, () => this.#touch());
    bridge.onTimer(name, () => this.feed(bridge.DEADLINE_REACHED, 0));
    this.feed(bridge.STARTED, 0);
    if (isHidden()) this.feed(bridge.PAGE_CHANGED, bridge.HIDDEN);
    if (this.#locks.earlyRefresh) cancelEarly(earlyRefresh);
    this.#locks.earlyRefresh = undefined;
  }

  /**
   * Feeds an input to the machine and executes its commands. Inputs fed meanwhile are queued.
   *
   * @param {Given} given
   */
  feed(...given) {
    this.#queue.push(given);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        const [kind, id, a = 0, b = 0, c = 0, text = ""] = next;
        const wait = this.#run((machine) =>
          machine.feed(performance.now(), Date.now(), this.#storage.read(), kind, id, a, b, c, text),
        );
        this.#setTimer(wait ?? NOTHING_TO_WAIT_FOR);
        for (const command of bridge.drainCommands()) this.#execute(command);
      }
    } finally {
      this.#isDraining = false;
    }
    if (this.#isClosed) this.#end();
    this.#callers.flush();
  }

  /**
   * Resets the timer, even for the same time: suspension stops the timer and not the clock.
   *
   * @param {number} wait milliseconds
   */
  #setTimer(wait) {
    clearTimeout(this.#timer);
    if (wait > NOTHING_TO_WAIT_FOR) this.#timer = setTimeout(() => this.feed(bridge.DEADLINE_REACHED, 0), wait);
  }

  /**
   * Calls into the module. A trap is a bug in the SDK, and makes this host unusable.
   *
   * @template T
   * @param {(machine: bridge.Machine) => T} work
   * @returns {T | undefined}
   */
  #run(work) {
    try {
      return this.#machine && work(this.#machine);
    } catch (cause) {
      this.break(cause);
      return undefined;
    }
  }

  /** @param {unknown} cause */
  break(cause) {
    this.trap = { cause };
    // The commands queued before the trap may be incomplete.
    bridge.drainCommands();
    this.#queue = [];
    this.#machine = undefined;
    this.#end();
    this.#closeChannel();
    this.#locks.releaseAll();
    this.#requests.abortAll();
    for (const request of this.#callers.waiting.keys()) this.#callers.settleLater(request, false, this.#refusal());
    this.#app.onTrap(cause);
    if (!this.#isDraining) this.#callers.flush();
  }

  /** The error for calls made after `close` or a trap. */
  #refusal() {
    return this.trap
      ? this.#app.error("internal", BROKEN_MODULE, "", "", Number.NaN, this.trap.cause)
      : this.#app.error("closed", CLOSED_SESSION, "", "", Number.NaN);
  }

  /** @param {bridge.Command} command */
  #execute([kind, id, a, b, c, d, text]) {
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = text.split("\n");
    switch (kind) {
      case bridge.ACQUIRE_LOCK:
        return this.#locks.acquire(id);
      case bridge.RELEASE_LOCK:
        // A request sent under this lock and not taken until now must not serve a later refresh.
        this.#earlyRefresh = undefined;
        return this.#locks.release(id);
      case bridge.SEND_REFRESH:
        return this.#requests.refresh(id, first, second, a, this.#earlyRefresh?.take());
      case bridge.SEND_SIGN_OUT:
        return this.#requests.signOut(id, a > 0);
      case bridge.RUN_SIGN_IN:
        return this.#runSignIn(id, a);
      case bridge.ABORT:
        return this.#requests.abort(id);
      case bridge.SETTLE_TOKEN:
        return this.#callers.settleLater(id, true, this.#bearerOf(a, text));
      case bridge.SETTLE_DONE:
        return this.#callers.settleLater(id, true, a > 0);
      case bridge.SETTLE_ERROR:
        return this.#callers.settleLater(id, false, this.#app.error(first, second, third, fourth, a));
      case bridge.BROADCAST:
        return this.#post(text);
      case bridge.WRITE_RECORD:
        return this.#storage.write(text);
      case bridge.OPEN_CHANNEL:
        return this.#openChannel();
      case bridge.CLOSE_CHANNEL:
        return this.#closeChannel();
      case bridge.STATUS:
        return this.#app.status(first, second, third, fourth, fifth, a !== 0);
      case bridge.REFRESHED:
        return this.#app.refreshed(first, second, a, b, c, d);
      case bridge.REFRESH_FAILURE:
        return this.#app.refreshFailed(first, second, a, b, c, d);
      case bridge.SIGNED_OUT:
        return this.#app.signedOut(first);
      case bridge.USER_CHANGED:
        return this.#app.userChanged(first, second);
      case bridge.TRACED:
        return this.#app.traced(a, b, c, first, second, third, fourth);
    }
  }

  #openChannel() {
    this.#closeChannel();
    try {
      this.#channel = new BroadcastChannel(this.#key);
      this.#channel.onmessage = ({ data }) =>
        this.feed(bridge.TAB_MESSAGE_RECEIVED, 0, 0, 0, 0, typeof data === "string" ? data : "");
    } catch {
      // Some browsers have no BroadcastChannel, and opaque origins may not use it.
    }
  }

  /** @param {string} text */
  #post(text) {
    try {
      this.#channel?.postMessage(text);
    } catch {
      // Tab messages are optional: a tab that misses one reads the stored record.
    }
  }

  #closeChannel() {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /**
   * @param {number} attempt
   * @param {number} request
   */
  #runSignIn(attempt, request) {
    const run = this.#callers.takeSignIn(request);
    if (!run) return this.feed(bridge.SIGN_IN_THREW, attempt);
    this.#requests.adopt(attempt, run, (thrown) => this.#callers.setThrown(request, thrown));
  }

  /**
   * Feeds a caller's request to the machine; rejects it after `close` or a trap.
   *
   * @param {Parameters<Callers["ask"]>} question
   */
  ask(...question) {
    const [, , , done] = question;
    if (this.#isClosed || this.trap) done(false, this.#refusal());
    else this.#callers.ask(...question);
  }

  /**
   * Like `ask`, as a promise.
   *
   * @param {number} kind
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   * @param {Parameters<Callers["ask"]>[4]} [rest]
   * @param {Parameters<Callers["ask"]>[5]} [signIn]
   * @returns {Promise<unknown>}
   */
  #promise(kind, number, signal, rest, signIn) {
    return new Promise((resolve, reject) => {
      this.ask(kind, number, signal, (ok, answer) => (ok ? resolve : reject)(answer), rest, signIn);
    });
  }

  /** @param {number} minValidity in seconds @param {AbortSignal} [signal] @returns {Promise<string>} */
  getToken(minValidity, signal) {
    this.#touch();
    // A token that a call would be sent with now can be returned, too.
    const fresh = minValidity === 0 && !signal?.aborted ? this.bearer() : undefined;
    const found = fresh ? Promise.resolve(fresh) : this.#promise(bridge.TOKEN_REQUESTED, minValidity, signal);
    return found.then((bearer) => /** @type {import("./fetch.js").Bearer} */ (bearer).header.slice("Bearer ".length));
  }

  /** @param {boolean} force @param {AbortSignal} [signal] */
  refresh(force, signal) {
    return this.#promise(bridge.REFRESH_REQUESTED, Number(force), signal);
  }

  /** @param {unknown} source a token response, or a function that gets one */
  adopt(source) {
    if (typeof source === "function") {
      return this.#promise(bridge.SIGN_IN_REQUESTED, 0, undefined, undefined, /** @type {() => unknown} */ (source));
    }
    const [life, refreshIn, text] = grantOf(source, false);
    return this.#promise(bridge.TOKENS_PROVIDED, life, undefined, [refreshIn, 0, text]);
  }

  /** @param {boolean} everywhere @returns {Promise<unknown>} whether the auth server confirmed it */
  signOut(everywhere) {
    return this.#promise(bridge.SIGN_OUT_REQUESTED, Number(everywhere), undefined);
  }

  /** @param {number} what */
  look(what) {
    return this.#run((machine) => machine.look(performance.now(), Date.now(), what)) ?? 0;
  }

  /** Returns the token to send now; `undefined` if the call has to wait. */
  bearer() {
    const version = this.look(bridge.USABLE);
    if (version < 0 || !this.#machine) return undefined;
    if (this.#current?.version === version) return this.#current;
    this.look(bridge.TOKEN);
    const [command] = bridge.drainCommands();
    return command && this.#bearerOf(version, command[6]);
  }

  /** @param {number} version @param {string} token */
  #bearerOf(version, token) {
    if (this.#current?.version !== version) this.#current = { version, header: `Bearer ${token}` };
    return this.#current;
  }

  /** @param {Response} answer */
  shouldRetry({ status, headers }) {
    return this.#run((machine) => machine.shouldRetry(status, headers.get("www-authenticate") ?? "")) ?? false;
  }

  /** Reports user activity to the machine, at most once a second. */
  #touch() {
    const now = performance.now();
    if (now - this.#lastTouch < 1_000) return;
    this.#lastTouch = now;
    this.look(bridge.USABLE);
  }

  /** Closes this host: rejects every waiting caller and releases all resources. */
  close() {
    this.#isClosed = true;
    this.feed(bridge.CLOSED, 0);
  }

  #end() {
    this.#unwatch();
    this.#setTimer(NOTHING_TO_WAIT_FOR);
    bridge.onTimer(this.#name);
    this.#current = undefined;
    this.#machine?.free();
    this.#machine = undefined;
  }
}
