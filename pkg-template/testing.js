import { own, SessionError } from "./facade.js";
import { TestCore } from "./testing-core.js";
import { grantOf, readGrant } from "./testing-grant.js";

export { isSessionError, SessionEnded, SessionError } from "./facade.js";

/** @typedef {import("./testing.js").TestSessionOptions} Options */
/** @typedef {(event: never) => void} Listener */

const EVENTS = ["refresh", "refresh-failed", "signed-out", "user-changed", "call", "trace"];

/** @param {import("./index.js").SessionOptions} options */
export async function createSession(options) {
  const { auth, apis = [] } = /** @type {import("./index.js").SessionOptions} */ (
    /** @type {unknown} */ (own(options))
  );
  return createTestSession({ auth, apis });
}

/** @param {Options} [options] */
export function createTestSession(options = {}) {
  return new Face(own(options)).session;
}

/** What a test holds: methods that work detached, listeners, and calls that wait. */
class Face {
  /** @type {Map<string, Set<{ listener: Listener }>>} */
  listeners = new Map();
  /** Rejects what waits. @type {Set<(error: unknown) => void>} */
  waiting = new Set();
  isClosed = false;

  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.core = new TestCore(options, (type, event) => this.emit(type, event));
    // The document has it too, but markup can name `baseURI`.
    this.page = String(options.page ?? globalThis.location?.href ?? "http://localhost/");
    this.listed = new Set([this.page, ...(options.apis ?? [])].map((url) => new URL(url).origin));
    this.session = this.open();
  }

  /** @returns {import("./testing.js").TestSession} */
  open() {
    const { core } = this;
    const face = this;
    const close = () => this.close();
    /** @type {Omit<import("./testing.js").TestSession, typeof Symbol.dispose>} */
    const session = {
      fetch: async (...given) => {
        if (!given.length) throw new TypeError("fetch needs an argument");
        return this.fetch(...given);
      },
      getToken: (options) => {
        const { minValidity = 0, signal } = /** @type {NonNullable<typeof options>} */ (own(options));
        return this.wait(signal, () => core.token(minValidity));
      },
      refresh: (options) => {
        const { force = false, signal } = /** @type {NonNullable<typeof options>} */ (own(options));
        return this.wait(signal, () => core.renew(force));
      },
      adopt: (source) => this.wait(undefined, () => this.adopt(source)),
      signOut: (options) =>
        this.wait(undefined, async () => ({ serverTold: await core.signOut(!!own(options).everywhere) })),
      get status() {
        return core.snapshot;
      },
      getSnapshot: () => core.snapshot,
      subscribe: (listener) => {
        const end = this.listen("status", listener);
        tell(listener, core.snapshot);
        return end;
      },
      on: (type, listener) => {
        if (!EVENTS.includes(type)) throw new TypeError(`there is no event ${String(type)}`);
        return this.listen(type, listener);
      },
      get expiresIn() {
        return face.isClosed ? 0 : core.left();
      },
      trace: () => Object.freeze([...core.steps]),
      close,
      test: this.controls(),
    };
    Object.defineProperty(session.fetch, "length", own({ value: 1 }));
    if (Symbol.dispose) Object.defineProperty(session, Symbol.dispose, own({ value: close }));
    return /** @type {import("./testing.js").TestSession} */ (Object.freeze(session));
  }

  /** @returns {import("./testing.js").TestControls} */
  controls() {
    const { core, listeners } = this;
    /** @type {import("./testing.js").TestControls} */
    const controls = {
      signIn(user, { sessionId = "session-1" } = {}) {
        core.server.session = { id: sessionId, user };
        core.adopt(readGrant(core.issue()), "other-tab");
      },
      end: (reason = "revoked") => core.end(reason),
      fail: (cause) => core.fail(cause),
      advance: (seconds) => core.advance(seconds),
      get refreshes() {
        return core.refreshes;
      },
      get listeners() {
        return [...listeners.values()].reduce((sum, { size }) => sum + size, 0);
      },
    };
    return Object.freeze(controls);
  }

  /**
   * Waits for some work, until the signal aborts or the session is closed.
   *
   * @template T
   * @param {AbortSignal | null | undefined} signal
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async wait(signal, work) {
    if (this.isClosed) throw new SessionError("closed", "the session object was closed");
    if (signal?.aborted) throw signal.reason;
    /** @type {(error: unknown) => void} */
    let reject = () => {};
    const ended = new Promise((_, end) => {
      reject = end;
    });
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    this.waiting.add(reject);
    try {
      return /** @type {T} */ (await Promise.race([work(), ended]));
    } finally {
      signal?.removeEventListener("abort", abort);
      this.waiting.delete(reject);
    }
  }

  /** @param {Parameters<import("./index.js").Session["adopt"]>[0]} source */
  async adopt(source) {
    const answer = await (typeof source === "function" ? source() : source);
    try {
      const isResponse = typeof Response === "function" && answer instanceof Response;
      if (isResponse && !answer.ok) throw new TypeError("the sign-in was refused");
      this.core.adopt(grantOf(isResponse ? await answer.json() : answer), "adopted");
    } catch (cause) {
      throw new SessionError("misconfigured", "there is no usable token in what was to be adopted", { cause });
    }
  }

  /**
   * @param {RequestInfo | URL} input
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async fetch(input, init) {
    const send = this.options.fetch ?? nowhere;
    const url = this.resolve(input);
    const given = /** @type {Partial<Request>} */ (typeof input === "object" ? input : {});
    const headers = new Headers(init?.headers ?? given.headers);
    if (this.isClosed) throw new SessionError("closed", "the session object was closed");
    if (url === undefined || !this.listed.has(url.origin) || headers.has("authorization")) return send(input, init);
    const signal = init?.signal ?? given.signal;
    const body = init?.body ?? given.body;
    const canRepeat = !(typeof ReadableStream === "function" && init?.body instanceof ReadableStream);
    const again = canRepeat && input instanceof Object && "clone" in input && body ? input.clone() : input;
    const start = this.core.now();
    const token = await this.wait(signal, () => this.core.token(0));
    const waited = this.core.now() - start;
    const call = {
      method: (init?.method ?? given.method ?? "GET").toUpperCase(),
      url: url.origin + url.pathname,
      waited,
    };
    /** @type {(httpStatus: number | null, retried: boolean) => void} */
    const finish = (httpStatus, retried) => {
      const [tokenAge, duration] = [this.core.age(), this.core.now() - start];
      this.emit("call", Object.freeze({ ...call, tokenAge, httpStatus, retried, duration }));
    };
    let retried = false;
    try {
      const answer = await send(input, { ...init, headers: bearing(headers, token) });
      // Redirected to another origin, the token was left behind; and what is no GET may have had its effect.
      const isOfBearer = !answer.redirected || (/^(GET|HEAD)$/.test(call.method) && this.isWithin(url, answer.url));
      const isRefused = answer.status === 401 && isMendable(answer.headers.get("www-authenticate"));
      const mend = isRefused && canRepeat && isOfBearer;
      const next = mend ? await this.wait(signal, () => this.core.replacement(token)).catch(() => token) : token;
      retried = next !== token;
      const last = retried ? await send(again, { ...init, headers: bearing(headers, next) }) : answer;
      finish(last.status, retried);
      return last;
    } catch (error) {
      finish(null, retried);
      throw error;
    }
  }

  /** @param {URL} url @param {string} other */
  isWithin({ origin }, other) {
    return this.resolve(other)?.origin === origin;
  }

  /** Where a call goes; nothing where it cannot be told. @param {RequestInfo | URL} input */
  resolve(input) {
    try {
      const url = new URL(typeof input === "object" && "url" in input ? input.url : input, this.page);
      return /^https?:$/.test(url.protocol) ? url : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * @param {string} type
   * @param {Listener} listener
   */
  listen(type, listener) {
    if (typeof listener !== "function") throw new TypeError("the listener is not a function");
    if (this.isClosed) return () => {};
    const entry = { listener };
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set.add(entry));
    return () => {
      set.delete(entry);
    };
  }

  /**
   * @param {string} type
   * @param {unknown} event
   */
  emit(type, event) {
    for (const { listener } of [...(this.listeners.get(type) ?? [])]) tell(listener, event);
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.listeners.clear();
    for (const reject of this.waiting) reject(new SessionError("closed", "the session object was closed"));
  }
}

/**
 * Tells one listener; what it throws is the page's to see and stops nobody.
 *
 * @param {Listener} listener
 * @param {unknown} event
 */
function tell(listener, event) {
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

/** There is no network in a unit test. @returns {Promise<Response>} */
async function nowhere() {
  throw new TypeError("createTestSession was given no fetch");
}

/**
 * @param {Headers} headers
 * @param {string} token
 */
function bearing(headers, token) {
  const all = new Headers(headers);
  all.set("authorization", `Bearer ${token}`);
  return all;
}

/** Whether another token may mend a 401 (RFC 6750 §3.1). @param {string | null} challenge */
function isMendable(challenge) {
  if (challenge === null) return true;
  const [, error = "invalid_token"] = /bearer.*?error="?(\w+)/i.exec(challenge) ?? [];
  return /bearer/i.test(challenge) && error.toLowerCase() === "invalid_token";
}
