/** The loop between the machine and the browser: feeds inputs, executes commands. Contains no decisions. */

import { bearerIn, CurrentTokens } from "./bearer.js";
import { grantOf } from "./http.js";
import { Callers } from "./callers.js";
import { execute } from "./commands.js";
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
  #realm;
  #settings;
  #page;
  #parts;
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
    const { key } = settings;
    this.#settings = settings;
    this.#realm = realm;
    this.#page = { realm, settings, app, host: this };
    this.tokens = new CurrentTokens(realm);
    this.#parts = {
      app,
      callers: new Callers(feed),
      channel: new TabChannel(key, realm, feed),
      locks: new Locks(realm.navigator?.locks, key, feed),
      push: pushLoader(realm, settings, feed),
      requests: new Requests(realm, settings, feed),
      storage: new RecordStorage(key, realm),
      tokens: this.tokens,
    };
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
    const { locks } = this.#parts;
    locks.adopt(earlyRefresh);
    this.#machine = make(name, low * 2 ** 21 + high, timeoutMs, push, ...this.#clocks());
    this.#unwatch = watchLifecycle(realm, key, feed, () => this.#touch());
    onTimer(name, () => this.feed(codes.DEADLINE_REACHED, 0));
    const waiting = this.#queue.splice(0);
    this.#isDraining = false;
    this.feed(codes.STARTED, 0);
    if (isHidden(realm)) this.feed(codes.PAGE_CHANGED, codes.HIDDEN);
    for (const given of waiting) this.feed(...given);
    if (locks.takeEarly()) cancelEarly(earlyRefresh);
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
          machine.feed(...this.#clocks(), this.#parts.storage.readOrHint(), kind, id, a, b, c, texts.join("\n")),
        );
        this.#setTimer(wait ?? NOTHING_TO_WAIT_FOR);
        for (const command of drainCommands()) execute(this.#parts, command);
      }
    } finally {
      this.#isDraining = false;
    }
    if (this.#isClosed) this.#end();
    this.#parts.callers.flush();
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
    this.break(this.#page.app.error("internal", BROKEN_MODULE, "", "", Number.NaN, cause));
    this.#page.app.onTrap(cause);
  }

  /** Makes this host unusable: rejects every call with the error. @param {unknown} error */
  break(error) {
    this.broken = { error };
    this.#queue = [];
    this.#machine = undefined;
    this.#end();
    const { callers, channel, locks, push, requests } = this.#parts;
    channel.close();
    locks.releaseAll();
    push.close();
    requests.abortAll();
    callers.rejectAll(error);
    if (!this.#isDraining || !this.#unwatch) callers.flush();
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
    else this.#parts.callers.ask(...asked);
  }

  #closedError() {
    return this.#page.app.error("closed", CLOSED_SESSION, "", "", Number.NaN);
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
    const send = () =>
      this.#parts.requests.credentials(`${server}/auth/${endpoint}`, /** @type {object} */ (how), this.#page.app);
    return this.#promise([codes.SIGN_IN_REQUESTED], undefined, isFunction ? /** @type {() => unknown} */ (how) : send);
  }

  /**
   * Authenticates the user again (RFC 9470), and refreshes the token.
   *
   * @param {unknown} credentials
   */
  async stepUp(credentials) {
    const server = this.#settings.server ?? refuse("auth", "a URL");
    await this.#parts.requests.credentials(
      `${server}/auth/step-up`,
      /** @type {object} */ (credentials),
      this.#page.app,
    );
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
    if (this.#machine) this.feed(codes.CLOSED, 0);
    else this.break(this.#closedError());
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
