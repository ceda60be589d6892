/** The loop between the machine and the browser: feeds inputs, executes commands. Contains no decisions. */

import { bearerIn, CurrentTokens } from "./bearer.js";
import { grantOf } from "./http.js";
import { tellApp } from "./app-events.js";
import { Callers } from "./callers.js";
import { FetchWrapper } from "./fetch.js";
import { Requests } from "./requests.js";
import { prove } from "./device-key.js";
import { cancelEarly } from "./early-refresh.js";
import { Locks } from "./locks.js";
import { checkContext, refuse } from "./options.js";
import { own } from "./own.js";
import { drainCommands, onTimer } from "./bridge.js";
import * as codes from "../generated/codes.js";
import { isHidden, watchLifecycle } from "./lifecycle.js";
import { load, takeReturn } from "./provider-loader.js";
import { pushLoader } from "./push-loader.js";
import { RecordStorage } from "./storage.js";
import { TabChannel } from "./tab-channel.js";

/** @typedef {import("./app.js").Given} Given */
/** @typedef {import("./app.js").App} App */

/** The machine's return value if it needs no timer, or sets its own. */
const NOTHING_TO_WAIT_FOR = -1;

/** The error message for calls made after `close`. */
export const CLOSED_SESSION = "the session was closed";

/** The error message for calls that hit a trap in the module. */
const BROKEN_MODULE = "the module failed";

export class Host {
  #app;
  #realm;
  #settings;
  #page;
  #callers;
  #requests;
  #storage;
  /** @type {Locks | undefined} */
  #locks;
  /** @type {import("./early-refresh.js").EarlyRefresh | undefined} */
  #earlyRefresh;
  #push;
  #name = 0;
  /** @type {(() => void) | undefined} */
  #unwatch;
  /** Inputs to feed; they wait until the machine is started. @type {Given[]} */
  #queue = [];
  #isDraining = true;
  #isClosed = false;
  /** The error of every call since the module could not be loaded, or has trapped. @type {{ error: unknown } | undefined} */
  broken;
  #lastTouch = Number.NEGATIVE_INFINITY;
  /** @readonly */
  tokens;
  #channel;
  /** @type {import("./bridge.js").Machine | undefined} */
  #machine;
  /** @type {unknown} */
  #timer;

  /**
   * Creates a host whose calls wait until it is started.
   *
   * @param {import("./options.js").Settings} settings
   * @param {App} app
   * @param {import("./realm.js").Realm} realm
   */
  constructor(settings, app, realm) {
    const feed = this.feed.bind(this);
    this.#settings = settings;
    this.#app = app;
    this.#realm = realm;
    this.#page = { realm, settings, app, host: this };
    this.#storage = new RecordStorage(settings.key, realm);
    this.tokens = new CurrentTokens(realm);
    this.#channel = new TabChannel(settings.key, realm, feed);
    this.#callers = new Callers(feed);
    this.#requests = new Requests(realm, settings, feed);
    this.#push = pushLoader(realm, settings, feed);
    this.calls = new FetchWrapper(settings, this, realm);
  }

  /**
   * Starts the session: adds event listeners and, if there may be a session, requests the first token.
   *
   * @param {(...given: ConstructorParameters<typeof import("./machine.js").Machine>) => import("./bridge.js").Machine} make makes a machine
   * @param {import("./early-refresh.js").EarlyRefresh} [earlyRefresh]
   * @param {Promise<unknown> | null} [returned] while the result of a sign-in through a provider is taken
   * @returns {Promise<void> | void} a promise if there is such a result
   */
  start(make, earlyRefresh, returned = takeReturn(this.#page)) {
    if (returned) return returned.then(() => this.start(make, earlyRefresh, null));
    if (this.#isClosed) return void cancelEarly(earlyRefresh);
    const feed = this.feed.bind(this);
    const realm = this.#realm;
    const { key, timeoutMs, push } = this.#settings;
    const random = new Uint32Array(3);
    realm.crypto.getRandomValues(random);
    const [name = 0, low = 0, high = 0] = random;
    this.#name = name;
    this.#earlyRefresh = earlyRefresh;
    this.#locks = new Locks(realm.navigator?.locks, key, feed, earlyRefresh?.lock);
    this.#machine = make(name, low * 2 ** 21 + high, timeoutMs, push, ...this.#clocks());
    this.#unwatch = watchLifecycle(realm, key, feed, () => this.#touch());
    onTimer(name, () => this.feed(codes.DEADLINE_REACHED, 0));
    const waiting = this.#queue.splice(0);
    this.#isDraining = false;
    this.feed(codes.STARTED, 0);
    if (isHidden(realm)) this.feed(codes.PAGE_CHANGED, codes.HIDDEN);
    for (const given of waiting) this.feed(...given);
    if (this.#locks.takeEarly()) cancelEarly(earlyRefresh);
  }

  /** Feeds an input to the machine and executes its commands. Inputs fed meanwhile are queued. @param {Given} given */
  feed(...given) {
    this.#queue.push(given);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        const [kind, id, a = 0, b = 0, c = 0, ...texts] = next;
        const wait = this.#run((machine) =>
          machine.feed(...this.#clocks(), this.#storage.readOrHint(), kind, id, a, b, c, texts.join("\n")),
        );
        this.#setTimer(wait ?? NOTHING_TO_WAIT_FOR);
        for (const command of drainCommands()) this.#execute(command);
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
    this.#realm.clearTimeout(/** @type {never} */ (this.#timer));
    if (wait > NOTHING_TO_WAIT_FOR)
      this.#timer = this.#realm.setTimeout(() => this.feed(codes.DEADLINE_REACHED, 0), wait);
  }

  /**
   * Calls into the module. A trap is a bug in the SDK, and makes this host unusable.
   *
   * @template T
   * @param {(machine: import("./bridge.js").Machine) => T} work
   * @returns {T | undefined}
   */
  #run(work) {
    try {
      return this.#machine && work(this.#machine);
    } catch (cause) {
      this.trap(cause);
      return undefined;
    }
  }

  /** @param {unknown} cause */
  trap(cause) {
    // The commands queued before the trap may be incomplete.
    drainCommands();
    this.break(this.#app.error("internal", BROKEN_MODULE, "", "", Number.NaN, cause));
    this.#app.onTrap(cause);
  }

  /** Makes this host unusable: rejects every call with the error. @param {unknown} error */
  break(error) {
    this.broken = { error };
    this.#queue = [];
    this.#machine = undefined;
    this.#end();
    this.#channel.close();
    this.#locks?.releaseAll();
    this.#push.close();
    this.#requests.abortAll();
    this.#callers.rejectAll(error);
    if (!this.#isDraining || !this.#unwatch) this.#callers.flush();
  }

  /** @param {import("./bridge.js").Command} command */
  #execute(command) {
    const [kind, id, a, b, , , text] = command;
    const lines = () => /** @type {[string, string, string, string, string]} */ (text.split("\n"));
    switch (kind) {
      case codes.ACQUIRE_LOCK:
        return this.#locks?.acquire(id);
      case codes.RELEASE_LOCK:
        // A request sent under this lock and not taken until now must not serve a later refresh.
        this.#earlyRefresh = undefined;
        return this.#locks?.release(id);
      case codes.SEND_REFRESH: {
        const [reason, page, contexts] = lines();
        return this.#requests.refresh(id, reason, page, a, contexts, this.#earlyRefresh?.take());
      }
      case codes.SEND_SIGN_OUT:
        return this.#requests.signOut(id, a > 0);
      case codes.RUN_SIGN_IN:
        return this.#requests.signIn(id, this.#callers.takeSignIn(a), (thrown) => this.#callers.setThrown(a, thrown));
      case codes.ABORT:
        return this.#requests.abort(id);
      case codes.TOKEN_CHANGED:
        return this.tokens.replace(id, text, a, b);
      case codes.SETTLE_TOKEN:
        return this.#callers.settleLater(id, true, this.tokens.all);
      case codes.SETTLE_DONE:
        return this.#callers.settleLater(id, true, a > 0);
      case codes.SETTLE_ERROR: {
        const [code, message, reason, failure] = lines();
        return this.#callers.settleLater(id, false, this.#app.error(code, message, reason, failure, a));
      }
      case codes.BROADCAST:
        return this.#channel.post(text);
      case codes.WRITE_RECORD:
        return this.#storage.write(text);
      case codes.OPEN_CHANNEL:
        return this.#channel.open();
      case codes.CLOSE_CHANNEL:
        return this.#channel.close();
      case codes.OPEN_STREAM:
        return this.#push.open();
      case codes.CLOSE_STREAM:
        return this.#push.close();
      default:
        return tellApp(this.#app, command);
    }
  }

  /**
   * Feeds a caller's request to the machine; rejects it after `close` or a failure of the module.
   *
   * @param {Parameters<Callers["ask"]>} asked
   */
  ask(...asked) {
    const [, , settle] = asked;
    if (this.broken) settle(false, this.broken.error);
    else if (this.#isClosed) settle(false, this.#closedError());
    else this.#callers.ask(...asked);
  }

  #closedError() {
    return this.#app.error("closed", CLOSED_SESSION, "", "", Number.NaN);
  }

  /**
   * Like `ask`, as a promise.
   *
   * @param {import("./callers.js").Question} question
   * @param {AbortSignal} [signal]
   * @param {() => unknown} [signIn]
   * @returns {Promise<unknown>}
   */
  #promise(question, signal, signIn) {
    return new Promise((resolve, reject) => {
      this.ask(question, signal, (ok, answer) => (ok ? resolve : reject)(answer), signIn);
    });
  }

  /** @param {number} minValidityMs @param {unknown} given @param {AbortSignal} [signal] @returns {Promise<string>} */
  getToken(minValidityMs, given, signal) {
    const context = checkContext(given ?? this.#settings.context);
    // A token that a call would be sent with now can be returned, too.
    const fresh = this.bearer(false, context);
    if (fresh && minValidityMs === 0 && !signal?.aborted) return Promise.resolve(fresh.token);
    const found = this.#promise([codes.TOKEN_REQUESTED, minValidityMs, 0, 0, context], signal);
    return found.then((bearers) => bearerIn(bearers, context).token);
  }

  /**
   * Makes a proof for a request of the app's own to the auth server; `null` without a key.
   *
   * @param {string} url
   * @param {string} method
   * @param {boolean} isSignIn whether to create a key if there is none
   * @param {import("./own.js").Fields | undefined} challenge what the server answered to the proof before
   */
  async proof(url, method, isSignIn, challenge) {
    const { key, deviceBinding } = this.#settings;
    return (await prove(this.#realm, key, url, isSignIn && deviceBinding, challenge, method)) || null;
  }

  /** @param {boolean} force @param {AbortSignal} [signal] */
  refresh(force, signal) {
    return this.#promise([codes.REFRESH_REQUESTED, Number(force)], signal);
  }

  /**
   * Runs a sign-in function, or sends credentials to an endpoint of the reference protocol, while no tab refreshes; or signs in
   * through a provider.
   *
   * @param {unknown} how the function, the credentials, or the options with the provider's name
   * @param {"sign-in" | "sign-up" | "refresh"} endpoint
   * @returns {Promise<unknown>}
   */
  signIn(how, endpoint) {
    const { server } = this.#settings;
    const isFunction = typeof how === "function";
    if (!isFunction && server === undefined) refuse("auth", "a URL");
    const options = own(how);
    if (options.provider) return load(this.#page, "signIn", options);
    const send = () => this.#requests.credentials(`${server}/auth/${endpoint}`, /** @type {object} */ (how), this.#app);
    return this.#promise([codes.SIGN_IN_REQUESTED], undefined, isFunction ? /** @type {() => unknown} */ (how) : send);
  }

  /**
   * Authenticates the user again (RFC 9470), and refreshes the token.
   *
   * @param {unknown} credentials
   */
  async stepUp(credentials) {
    const server = this.#settings.server ?? refuse("auth", "a URL");
    await this.#requests.credentials(`${server}/auth/step-up`, /** @type {object} */ (credentials), this.#app);
    return this.refresh(true);
  }

  /** @param {unknown} response a token response */
  setTokens(response) {
    return this.#promise([codes.TOKENS_PROVIDED, ...grantOf(response, 0, this.#settings.contexts)]);
  }

  /**
   * Signs out; with `atProvider`, the page goes on to the provider, to sign out there.
   *
   * @param {import("./own.js").Fields} options
   * @returns {Promise<unknown>} whether the auth server confirmed it
   */
  signOut(options) {
    if (options.atProvider) return load(this.#page, "signOut", options);
    return this.#promise([codes.SIGN_OUT_REQUESTED, Number(!!options.everywhere)]);
  }

  /** Reads the monotonic and the wall clock, in milliseconds. @returns {[steady: number, wall: number]} */
  #clocks() {
    return [this.#realm.performance.now(), this.#realm.Date.now()];
  }

  /** Returns how long the current token can still be sent, in seconds. */
  tokenLeft() {
    return Math.max(this.tokens.left, 0) / 1_000 || 0;
  }

  /**
   * Returns the token to send now; `undefined` if the call has to wait.
   *
   * @param {boolean} background whether the call does not count as activity of the app
   * @param {string} context
   */
  bearer(background, context) {
    if (!background) this.#touch();
    const bearer = this.tokens.all.get(context);
    return bearer?.token && this.tokens.left > 0 ? bearer : undefined;
  }

  /** Reports activity to the machine, at most once a second. */
  #touch() {
    const now = this.#realm.performance.now();
    if (now - this.#lastTouch < 1_000) return;
    this.#lastTouch = now;
    this.feed(codes.ACTIVE, 0);
  }

  /** Closes this host: rejects every waiting caller and releases all resources. */
  close() {
    this.#isClosed = true;
    if (this.#machine) return this.feed(codes.CLOSED, 0);
    this.#queue = [];
    this.#callers.rejectAll(this.#closedError());
    this.#callers.flush();
  }

  #end() {
    this.#unwatch?.();
    this.#setTimer(NOTHING_TO_WAIT_FOR);
    onTimer(this.#name);
    this.tokens.replace(0, "", Number.NaN, 0);
    this.#machine?.free();
    this.#machine = undefined;
  }
}
