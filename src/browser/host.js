/** The loop between the machine and the browser: inputs in, orders out. It decides nothing. */

import { grantOf } from "./answers.js";
import { Callers } from "./callers.js";
import { Calls } from "./calls.js";
import { Exchanges } from "./exchanges.js";
import { abandon } from "./head-start.js";
import { Locks } from "./locks.js";
import * as mail from "./mailbox.js";
import { isHidden, watchPage } from "./page.js";
import { Shelf } from "./shelf.js";

/** An input, by position. @typedef {[kind: number, id: number, a?: number, b?: number, c?: number, text?: string]} Given */

/**
 * What the app is told, by position; `undefined` and empty texts stand for what is not known.
 *
 * @typedef {object} App
 * @property {(state: string, degraded: string, reason: string, sessionId: string, user: string, serverTold: boolean) => void} status
 * @property {(reason: string, source: string, waiting: number, duration: number, expiresIn: number, refreshIn: number) => void} refreshed
 * @property {(reason: string, cause: string, httpStatus: number, duration: number, failures: number, retryIn: number) => void} refreshFailed
 * @property {(reason: string) => void} signedOut
 * @property {(previous: string, user: string) => void} userChanged
 * @property {(method: string, url: string, waited: number, tokenAge: number, httpStatus: number | undefined, retried: boolean, duration: number) => void} called
 * @property {(at: number, tab: number, attempt: number, trigger: string, status: string, page: string, outcome: string) => void} traced
 * @property {(code: string, message: string, reason: string, failure: string, retryIn: number, cause?: unknown) => unknown} error makes what a caller is rejected with
 * @property {(cause: unknown) => void} crashed the module has trapped: this host is at its end, and another instance is needed
 */

/** What a machine says that need not be woken, or sees to that itself. */
const NOTHING_TO_WAIT_FOR = -1;

/** What a person reads who calls a session that was closed. */
export const CLOSED_SESSION = "the session object was closed";

/** What a person reads whose call met with a trap in the module. */
const BROKEN_MODULE = "the session module failed";

export class Host {
  #app;
  #callers;
  #exchanges;
  #name;
  #shelf;
  #unwatch;
  #locks;
  #key;
  #headStart;
  /** @type {Given[]} */
  #inbox = [];
  #isDraining = false;
  #isClosed = false;
  /** What the module trapped with. @type {{ cause: unknown } | undefined} */
  crash;
  #lastTouch = Number.NEGATIVE_INFINITY;
  /** @type {import("./calls.js").Bearer | undefined} */
  #current;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** @type {mail.Machine | undefined} */
  #machine;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarm;

  /**
   * Starts a session: it listens and, where there may be a session, asks for its first token.
   *
   * @param {(...given: ConstructorParameters<typeof import("./machine.js").Machine>) => mail.Machine} make makes a machine
   * @param {import("./options.js").Settings} settings
   * @param {App} app
   * @param {import("./head-start.js").HeadStart} [headStart]
   */
  constructor(make, settings, app, headStart) {
    const feed = (/** @type {Given} */ ...given) => this.feed(...given);
    const [seed = 0] = new Float64Array(crypto.getRandomValues(new Uint32Array(2)).buffer);
    const [name = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.#name = name;
    this.#app = app;
    this.#headStart = headStart;
    this.#shelf = new Shelf(settings.key);
    this.#callers = new Callers(feed);
    this.#locks = new Locks(settings.key, feed, headStart);
    this.#exchanges = new Exchanges(settings, feed);
    this.calls = new Calls(settings.apis, this);
    this.#key = settings.key;
    this.#machine = make(name, seed, settings.timeout, performance.now(), Date.now());
    this.#unwatch = watchPage(settings.key, feed, () => this.#touch());
    mail.onRing(name, () => this.feed(mail.DEADLINE_REACHED, 0));
    this.feed(mail.STARTED, 0);
    if (isHidden()) this.feed(mail.PAGE_CHANGED, mail.HIDDEN);
    if (this.#locks.headStart) abandon(headStart);
    this.#locks.headStart = undefined;
  }

  /**
   * Takes an input in, and carries out what the machine orders. Inputs that come meanwhile wait for their turn.
   *
   * @param {Given} given
   */
  feed(...given) {
    this.#inbox.push(given);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
        const [kind, id, a = 0, b = 0, c = 0, text = ""] = next;
        const wait = this.#run((machine) =>
          machine.feed(performance.now(), Date.now(), this.#shelf.read(), kind, id, a, b, c, text),
        );
        this.#arm(wait ?? NOTHING_TO_WAIT_FOR);
        for (const order of mail.taken()) this.#carryOut(order);
      }
    } finally {
      this.#isDraining = false;
    }
    if (this.#isClosed) this.#end();
    this.#callers.deliver();
  }

  /**
   * Sets the alarm anew, even for the same moment: a nap stops the timer and not the clock.
   *
   * @param {number} wait milliseconds
   */
  #arm(wait) {
    clearTimeout(this.#alarm);
    if (wait > NOTHING_TO_WAIT_FOR) this.#alarm = setTimeout(() => this.feed(mail.DEADLINE_REACHED, 0), wait);
  }

  /**
   * Calls into the module. A trap there is a bug of the SDK, and the end of this host.
   *
   * @template T
   * @param {(machine: mail.Machine) => T} work
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
    this.crash = { cause };
    // What was ordered on the way into the trap may be half of something.
    mail.taken();
    this.#inbox = [];
    this.#machine = undefined;
    this.#end();
    this.#closeChannel();
    this.#locks.releaseAll();
    this.#exchanges.abortAll();
    for (const request of this.#callers.waiting.keys()) this.#callers.settle(request, false, this.#refusal());
    this.#app.crashed(cause);
    if (!this.#isDraining) this.#callers.deliver();
  }

  /** What those are told who call a host that is at its end. */
  #refusal() {
    return this.crash
      ? this.#app.error("internal", BROKEN_MODULE, "", "", Number.NaN, this.crash.cause)
      : this.#app.error("closed", CLOSED_SESSION, "", "", Number.NaN);
  }

  /** @param {mail.Order} order */
  #carryOut([kind, id, a, b, c, d, text]) {
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = text.split("\n");
    switch (kind) {
      case mail.ACQUIRE_LOCK:
        return this.#locks.acquire(id);
      case mail.RELEASE_LOCK:
        // What was begun under that lock and not ordered until now is of no use to a later refresh.
        this.#headStart = undefined;
        return this.#locks.release(id);
      case mail.SEND_REFRESH:
        return this.#exchanges.refresh(id, first, second, a, this.#headStart?.take());
      case mail.SEND_SIGN_OUT:
        return this.#exchanges.signOut(id, a > 0);
      case mail.RUN_ADOPT:
        return this.#runSignIn(id, a);
      case mail.ABORT:
        return this.#exchanges.abort(id);
      case mail.SETTLE_TOKEN:
        return this.#callers.settle(id, true, this.#bearerOf(a, text));
      case mail.SETTLE_DONE:
        return this.#callers.settle(id, true, a > 0);
      case mail.SETTLE_ERROR:
        return this.#callers.settle(id, false, this.#app.error(first, second, third, fourth, a));
      case mail.BROADCAST:
        return this.#post(text);
      case mail.WRITE_MARK:
        return this.#shelf.write(text);
      case mail.OPEN_CHANNEL:
        return this.#openChannel();
      case mail.CLOSE_CHANNEL:
        return this.#closeChannel();
      case mail.STATUS:
        return this.#app.status(first, second, third, fourth, fifth, a !== 0);
      case mail.REFRESHED:
        return this.#app.refreshed(first, second, a, b, c, d);
      case mail.REFRESH_FAILURE:
        return this.#app.refreshFailed(first, second, a, b, c, d);
      case mail.SIGNED_OUT:
        return this.#app.signedOut(first);
      case mail.USER_CHANGED:
        return this.#app.userChanged(first, second);
      case mail.TRACED:
        return this.#app.traced(a, b, c, first, second, third, fourth);
    }
  }

  #openChannel() {
    this.#closeChannel();
    try {
      this.#channel = new BroadcastChannel(this.#key);
      this.#channel.onmessage = ({ data }) =>
        this.feed(mail.TAB_SPOKE, 0, 0, 0, 0, typeof data === "string" ? data : "");
    } catch {
      // Some browsers have none, and a page of opaque origin may not.
    }
  }

  /** @param {string} text */
  #post(text) {
    try {
      this.#channel?.postMessage(text);
    } catch {
      // News are a courtesy: a tab that misses them finds the mark on the shelf.
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
    if (!run) return this.feed(mail.ADOPT_THREW, attempt);
    this.#exchanges.adopt(attempt, run, (thrown) => this.#callers.noteThrown(request, thrown));
  }

  /**
   * Asks the machine for something on behalf of a caller; one that asks a host at its end is told so.
   *
   * @param {Parameters<Callers["ask"]>} question
   */
  ask(...question) {
    const [, , , done] = question;
    if (this.#isClosed || this.crash) done(false, this.#refusal());
    else this.#callers.ask(...question);
  }

  /**
   * The same as a promise.
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
      this.ask(kind, number, signal, (isKept, answer) => (isKept ? resolve : reject)(answer), rest, signIn);
    });
  }

  /** @param {number} minValidity in seconds @param {AbortSignal} [signal] @returns {Promise<string>} */
  getToken(minValidity, signal) {
    this.#touch();
    // What a call would be sent with in this moment is a token to hand out, too.
    const fresh = minValidity === 0 && !signal?.aborted ? this.bearer() : undefined;
    const found = fresh ? Promise.resolve(fresh) : this.#promise(mail.TOKEN_REQUESTED, minValidity, signal);
    return found.then((bearer) => /** @type {import("./calls.js").Bearer} */ (bearer).header.slice("Bearer ".length));
  }

  /** @param {boolean} force @param {AbortSignal} [signal] */
  refresh(force, signal) {
    return this.#promise(mail.REFRESH_REQUESTED, Number(force), signal);
  }

  /** @param {unknown} source a token response, or a function that gets one */
  adopt(source) {
    if (typeof source === "function") {
      return this.#promise(mail.ADOPT_REQUESTED, 0, undefined, undefined, /** @type {() => unknown} */ (source));
    }
    const [life, refreshIn, text] = grantOf(source, false);
    return this.#promise(mail.ADOPTED, life, undefined, [refreshIn, 0, text]);
  }

  /** @param {boolean} everywhere @returns {Promise<unknown>} whether the auth server knows */
  signOut(everywhere) {
    return this.#promise(mail.SIGN_OUT_REQUESTED, Number(everywhere), undefined);
  }

  /** @param {number} what */
  look(what) {
    return this.#run((machine) => machine.look(performance.now(), Date.now(), what)) ?? 0;
  }

  /** Returns the token to send right now; nothing where the call has to wait. */
  bearer() {
    const version = this.look(mail.USABLE);
    if (version < 0 || !this.#machine) return undefined;
    if (this.#current?.version === version) return this.#current;
    this.look(mail.TOKEN);
    const [order] = mail.taken();
    return order && this.#bearerOf(version, order[6]);
  }

  /** @param {number} version @param {string} token */
  #bearerOf(version, token) {
    if (this.#current?.version !== version) this.#current = { version, header: `Bearer ${token}` };
    return this.#current;
  }

  /** @param {Response} answer */
  mends({ status, headers }) {
    return this.#run((machine) => machine.mends(status, headers.get("www-authenticate") ?? "")) ?? false;
  }

  /** Notes that the user is there, at most once a second. */
  #touch() {
    const now = performance.now();
    if (now - this.#lastTouch < 1_000) return;
    this.#lastTouch = now;
    this.look(mail.USABLE);
  }

  /** Ends the work on this page: every waiting caller is told, nothing is left behind. */
  close() {
    this.#isClosed = true;
    this.feed(mail.CLOSED, 0);
  }

  #end() {
    this.#unwatch();
    this.#arm(NOTHING_TO_WAIT_FOR);
    mail.onRing(this.#name);
    this.#current = undefined;
    this.#machine?.free();
    this.#machine = undefined;
  }
}
