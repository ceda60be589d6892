/** A simulated browser: the clock, timers, storage, locks and channels that its tabs share. */

import { SimulatedResponse } from "./server.js";
import { simulatedStorage } from "./tab.js";

/** @typedef {import("../../src/host/realm.js").Realm} Realm */
/** @typedef {{ at: number, fire: () => void }} Timer */
/** @typedef {{ onmessage: ((event: { data: string }) => void) | null, postMessage: (data: string) => void, close: () => void }} Channel */

/** The wall clock when the session's clock is 0, in milliseconds since 1970. */
const EPOCH = Date.UTC(2026, 0, 1);

/** More microtasks than a response passes through on its way to the caller. */
const MICROTASKS = 100;

/** `Response` of the platform, if it has one, and simulated responses. */
const TestResponse = {
  /** @param {unknown} value */
  [Symbol.hasInstance](value) {
    if (value instanceof SimulatedResponse) return true;
    return typeof Response === "function" && value instanceof Response;
  },
};

export class SimulatedBrowser {
  #clock;
  #load;
  #offset = 0;
  /** @type {Set<Timer>} */
  #timers = new Set();
  /** @type {Map<string, string>} */
  #storage = new Map();
  /** @type {Set<Channel>} */
  #channels = new Set();
  #navigator = { onLine: true, locks: /** @type {never} */ (new SimulatedLocks()) };
  /** What the clock waits for. @type {Set<Promise<unknown>>} */
  #pending = new Set();
  #seeds = 0;

  /**
   * @param {() => number} clock in milliseconds
   * @param {() => Promise<unknown>} load loads the code that sessions load for a sign-in through a provider
   */
  constructor(clock, load) {
    this.#clock = clock;
    this.#load = load;
  }

  /** @param {boolean} onLine */
  set onLine(onLine) {
    this.#navigator.onLine = onLine;
  }

  now() {
    return this.#clock() + this.#offset;
  }

  /**
   * Creates the realm of a page.
   *
   * @param {import("./tab.js").SimulatedTab} tab
   * @param {Realm["fetch"]} fetch
   * @param {Realm["Request"]} Request
   * @returns {Realm & EventTarget}
   */
  openPage(tab, fetch, Request) {
    const openChannel = () => this.#openChannel();
    const timers = this.#timers;
    const setTimeout = (/** @type {() => void} */ fire, /** @type {number} */ ms) => {
      const timer = { at: this.now() + ms, fire };
      timers.add(timer);
      return timer;
    };
    const page = Object.assign(new EventTarget(), {
      ...tab.apis,
      performance: { now: () => this.now() },
      Date: { now: () => EPOCH + this.now() },
      crypto: { getRandomValues: (/** @type {Uint32Array} */ array) => array.fill(++this.#seeds) },
      setTimeout,
      clearTimeout: (/** @type {never} */ timer) => void timers.delete(timer),
      fetch,
      Request,
      Response: /** @type {never} */ (TestResponse),
      navigator: this.#navigator,
      localStorage: simulatedStorage(this.#storage),
      // A constructor may return another object.
      BroadcastChannel: /** @type {never} */ (
        function Channel() {
          return openChannel();
        }
      ),
      AbortSignal: {
        timeout: (/** @type {number} */ ms) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(new DOMException("the simulated request timed out", "TimeoutError")), ms);
          return controller.signal;
        },
      },
    });
    tab.page = page;
    return page;
  }

  /** @returns {Channel} */
  #openChannel() {
    /** @type {Channel} */
    const channel = {
      onmessage: null,
      postMessage: (data) => {
        for (const other of this.#channels) if (other !== channel) other.onmessage?.({ data });
      },
      close: () => void this.#channels.delete(channel),
    };
    this.#channels.add(channel);
    return channel;
  }

  /**
   * Makes the clock wait for a function of the app: it does not advance before the function has answered.
   *
   * @param {(context: object) => unknown} work
   * @returns {(context: object) => Promise<unknown>}
   */
  awaited(work) {
    return async (context) => {
      const answer = Promise.resolve(work(context));
      this.waitFor(answer);
      return answer;
    };
  }

  /** Makes the clock wait until a promise is settled. @param {Promise<unknown>} promise */
  waitFor(promise) {
    /** @type {Promise<unknown>} */
    const settled = promise.then(
      () => this.#pending.delete(settled),
      () => this.#pending.delete(settled),
    );
    this.#pending.add(settled);
  }

  /**
   * Advances the clock, and fires each timer at its time.
   *
   * @param {number} ms
   */
  async advance(ms) {
    const end = this.now() + ms;
    await this.settle();
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#offset += Math.max(0, timer.at - this.now());
      timer.fire();
      await this.settle();
    }
    this.#offset += Math.max(0, end - this.now());
  }

  /**
   * Moves the clock without firing timers.
   *
   * @param {number} ms
   */
  skip(ms) {
    this.#offset += ms;
  }

  /** The next timer until `end`. @param {number} end */
  #next(end) {
    /** @type {Timer | undefined} */
    let next;
    for (const timer of this.#timers) if (timer.at <= end && !(next && next.at <= timer.at)) next = timer;
    return next;
  }

  /** Waits until every response has been handled. */
  async settle() {
    // Loaded from a file, which takes longer than microtasks.
    await this.#load();
    for (;;) {
      await this.pause();
      if (this.#pending.size === 0) return;
      await Promise.race(this.#pending);
    }
  }

  /** Waits as long as a response takes. */
  async pause() {
    for (let i = 0; i < MICROTASKS; i++) await undefined;
  }
}

/** A lock that is granted in the order of the requests. */
class SimulatedLocks {
  #last = Promise.resolve();

  /**
   * @param {string} _
   * @param {{ signal?: AbortSignal }} options
   * @param {(lock: object) => unknown} hold
   */
  request(_, { signal }, hold) {
    const request = this.#last.then(() => (signal?.aborted ? Promise.reject(signal.reason) : hold({})));
    this.#last = request.then(
      () => undefined,
      () => undefined,
    );
    return request;
  }
}
