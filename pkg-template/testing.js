/** The real session in a simulated browser, with a simulated auth server and a clock that the test moves. */

import { Host, Instance, openSession, own, readSettings, SharedSession } from "./facade.js";
import * as glue from "./nolapse.js";
import base64 from "./nolapse_bytes.js";
import { SimulatedBrowser } from "./testing/browser.js";
import { messageOf, returnOf, signInAt } from "./testing/provider-sign-in.js";
import { completePlatform, requestClass } from "./testing/request.js";
import { SimulatedServer } from "./testing/server.js";
import { SimulatedTab } from "./testing/tab.js";

export { isSessionError, SessionEnded, SessionError } from "./facade.js";

/** @typedef {import("./testing.js").TestSession} TestSession */
/** @typedef {import("./testing.js").TestSessionOptions} Options */
/** @typedef {import("../src/host/realm.js").Realm} Realm */
/** @typedef {import("../src/host/options.js").Settings} Settings */

/** The auth server of sessions that name none. */
const AUTH = "https://auth.test";

/** The module, instantiated once. @type {Instance | undefined} */
let instance;

function openInstance() {
  if (!instance) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    instance = new Instance(glue, new WebAssembly.Module(bytes));
  }
  return instance;
}

/** @param {import("./index.js").SessionOptions} options */
export function createSession(options) {
  const { wasm: _, ...given } = readSettings(options) && own(options);
  return createTestSession(/** @type {Options} */ (given));
}

/** @param {Options} [options] */
export function createTestSession(options = {}) {
  completePlatform();
  return new TestBed(/** @type {Options} */ (own(options))).open();
}

/** A session that counts its listeners, and whose auth server knows every session that it has. */
class TestedSession extends SharedSession {
  listeners = 0;
  /** @type {SimulatedServer | undefined} */
  server;

  /** @override @type {SharedSession["status"]} */
  status(...given) {
    super.status(...given);
    const { snapshot, server } = this;
    // An initial status is not the auth server's.
    if (server && given[1] === "signed_in" && snapshot.state === "signed_in")
      server.learn(snapshot.sessionId, snapshot.user);
  }

  /** @override @type {SharedSession["listen"]} */
  listen(type, listener) {
    const end = super.listen(type, listener);
    let isOn = 1;
    this.listeners++;
    return () => {
      this.listeners -= isOn;
      isOn = 0;
      end();
    };
  }
}

/** How long the page looks at a pop-up until it knows that it was closed, at most, in milliseconds. */
const POPUP_MS = 1_000;

/** A simulated browser with the tab under test. */
class TestBed {
  #options;
  #browser;
  #server;
  #settings;
  #Request;
  #tab;

  /** @param {Options} options */
  constructor(options) {
    const { now = () => 0, expiresIn = 60, page, auth = AUTH, allowedOrigins = [], blocksPopups } = options;
    const { authorization, context, contexts, initial, remember, storageKey = "test", timeoutMs } = options;
    // Markup can name `document.baseURI`.
    const base = String(page ?? globalThis.location?.href ?? "http://localhost/");
    this.#options = options;
    this.#browser = new SimulatedBrowser(now, () => import("./provider.js"));
    this.#tab = new SimulatedTab(base, blocksPopups);
    this.#server = new SimulatedServer(expiresIn, contexts);
    this.#Request = requestClass(base);
    const common = { auth, allowedOrigins, authorization, context, initial, remember, storageKey, timeoutMs };
    const settings = readSettings(common);
    this.#settings = this.#withTracked({
      ...settings,
      allowedOrigins: [new URL(base).origin, ...settings.allowedOrigins],
    });
  }

  /** Makes the clock wait for the app's own functions, and counts refreshes. @param {Settings} settings @returns {Settings} */
  #withTracked(settings) {
    const { refresh, signOut } = settings;
    const counted = (/** @type {object} */ context) => {
      this.#server.refreshes++;
      return typeof refresh === "function" ? refresh(context) : undefined;
    };
    return {
      ...settings,
      refresh: typeof refresh === "function" ? this.#browser.awaited(counted) : refresh,
      signOut: typeof signOut === "function" ? this.#browser.awaited(signOut) : signOut,
    };
  }

  /** @param {SimulatedTab} tab */
  #openPage(tab) {
    /** @type {Realm["fetch"]} */
    const fetch = (input, init) => this.#fetch(input, init);
    return this.#browser.openPage(tab, fetch, this.#Request);
  }

  /** @param {RequestInfo | URL} input @param {RequestInit} [init] @returns {Promise<Response>} */
  #fetch(input, init) {
    const { refresh, signOut, server } = this.#settings;
    const stepUp = `${server}/auth/step-up`;
    const endpoints = [refresh, signOut, stepUp, `${server}/auth/sign-in`, `${server}/auth/sign-up`];
    if (typeof input === "string" && endpoints.includes(input)) {
      const path =
        input === refresh ? "refresh" : input === signOut ? "sign-out" : input === stepUp ? "step-up" : "sign-in";
      return /** @type {Promise<never>} */ (this.#server.answer(path, init ?? {}));
    }
    return (this.#options.fetch ?? nowhere)(input, init);
  }

  /** Opens another tab, does something there, and closes it. @template T @param {(host: Host, realm: EventTarget) => T} work @returns {T} */
  #inOtherTab(work) {
    const realm = this.#openPage(new SimulatedTab(new URL("/", this.#tab.url).href));
    const host = new Host(this.#settings, SILENT, realm);
    host.start(makeMachine);
    const result = work(host, realm);
    if (result instanceof Promise) result.finally(() => host.close()).catch(() => {});
    else host.close();
    return result;
  }

  /** @returns {TestSession} */
  open() {
    const { user, provider, unknown } = this.#options;
    const server = this.#server;
    if (user !== undefined) server.session = { id: "session-1", user, provider };
    if (unknown) this.#leaveExpiredRecord();
    const { shared, session } = this.#openSession(this.#settings);
    if (user !== undefined && !unknown) shared.host.setTokens(server.issue(this.#settings.contexts));
    return session;
  }

  /**
   * Opens the page of the tab under test, with its session.
   *
   * @param {Settings} settings
   * @param {() => Promise<void>} [load] loads the module; without, it is loaded
   */
  #openSession(settings, load) {
    const realm = this.#openPage(this.#tab);
    const shared = new TestedSession(openInstance(), settings, load, () => {}, realm);
    shared.server = this.#server;
    this.#browser.waitFor(shared.ready);
    const opened = openSession(shared);
    /** @type {() => TestSession} */
    const itself = () => session;
    const test = Object.freeze(this.#controls(shared, realm, itself));
    const both = Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(opened), test: { value: test } });
    const session = /** @type {TestSession} */ (Object.freeze(both));
    return { shared, session };
  }

  /**
   * Lets a sign-in through a provider end.
   *
   * @param {TestSession} session the session of the page that has begun it
   * @param {import("./testing.js").ProviderAnswer | null} answer
   * @returns {Promise<TestSession>} the session of the page that is told
   */
  async #returnWith(session, answer) {
    const [browser, tab] = [this.#browser, this.#tab];
    await browser.settle();
    const signIn = signInAt(tab.elsewhere);
    if (!signIn) throw new Error("no sign-in through a provider has begun");
    const hasLeft = tab.left !== undefined;
    if (answer === null) {
      tab.goBack();
      await (hasLeft ? browser.settle() : browser.advance(POPUP_MS));
      return session;
    }
    const error = this.#server.finish(signIn, answer);
    if (!hasLeft) {
      tab.page?.dispatchEvent(messageOf(signIn, tab.popup, error));
      await browser.settle();
      return session;
    }
    session.close();
    // Two redirects at the same time count as one.
    browser.skip(1);
    tab.load(returnOf(signIn, error));
    return this.#openSession({ ...this.#settings, initial: undefined }, () => browser.pause()).session;
  }

  /** Leaves the record of a page whose token has expired since: the next page asks the auth server. */
  #leaveExpiredRecord() {
    this.#inOtherTab((host) => {
      host.setTokens(this.#server.issue(this.#settings.contexts));
      return undefined;
    });
    this.#browser.skip(2_000 * (this.#options.expiresIn ?? 60));
  }

  /**
   * @param {TestedSession} shared
   * @param {EventTarget} realm
   * @param {() => TestSession} itself
   * @returns {import("./testing.js").TestControls}
   */
  #controls(shared, realm, itself) {
    const [browser, server, tab] = [this.#browser, this.#server, this.#tab];
    return {
      signIn: (user, { sessionId = "session-1" } = {}) => {
        server.session = { id: sessionId, user };
        this.#inOtherTab((host) => {
          host.setTokens(server.issue(this.#settings.contexts));
          return undefined;
        });
      },
      end: async (reason = "revoked") => {
        server.session = null;
        server.reason = reason;
        const { failure } = server;
        server.failure = null;
        this.#inOtherTab((host, tab) => {
          // Ends the back-off of an outage.
          tab.dispatchEvent(new Event("online"));
          return host.refresh(true).catch(() => undefined);
        });
        await browser.settle();
        server.failure = failure;
      },
      fail: async (cause) => {
        server.failure = cause;
        browser.onLine = cause !== "offline";
        await browser.settle();
        if (cause !== null) return;
        // The hint counts for requests sent before.
        browser.skip(1);
        realm.dispatchEvent(new Event("online"));
        await browser.settle();
      },
      advance: (ms) => browser.advance(ms),
      get location() {
        return tab.left ?? tab.url;
      },
      returnWith: (answer) => this.#returnWith(itself(), answer),
      get refreshes() {
        return server.refreshes;
      },
      get listeners() {
        return shared.listeners;
      },
    };
  }
}

/** @type {(...given: ConstructorParameters<typeof glue.Machine>) => InstanceType<typeof glue.Machine>} */
function makeMachine(...given) {
  return new (openInstance().glue.Machine)(...given);
}

/** The app of a tab that nothing listens to. @type {import("../src/host/host.js").App} */
const SILENT = {
  status: () => {},
  refreshed: () => {},
  refreshFailed: () => {},
  signedOut: () => {},
  userChanged: () => {},
  called: () => {},
  traced: () => {},
  onTrap: () => {},
  error: (_, message) => new Error(message),
};

/** The default network of a unit test. @returns {Promise<Response>} */
async function nowhere() {
  throw new TypeError("createTestSession was given no fetch");
}
