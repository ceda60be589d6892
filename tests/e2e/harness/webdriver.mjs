/** Drives a browser over WebDriver: each one has a driver and so a profile of its own. */

import { once } from "node:events";

import { start } from "../../../pkg-template/tools/process.mjs";
import { freePort } from "./ports.mjs";
import { until } from "./until.mjs";

/** Attempts to start a driver, because another program may take the free port first. */
const STARTS = 3;

/** The timeout of a function on a page, longer than that of any test. */
const SCRIPT_MS = 300_000;

/** How long a driver may take to open its browser; then another one is started. */
const OPENING_MS = 60_000;

/** On the page: takes the outcome of a call that {@link called} has stored. */
const COLLECT = `
  const outcome = window.outcomes ? window.outcomes[arguments[0]] : { error: "the page is another one now" };
  if (outcome && window.outcomes) delete window.outcomes[arguments[0]];
  return outcome ?? null;`;

/**
 * On the page: calls a function and stores its outcome, so that calls on several pages can be pending at once.
 *
 * @param {unknown} work a function
 */
function called(work) {
  return `
    const [id, given] = arguments;
    const outcomes = (window.outcomes ??= {});
    Promise.resolve(given)
      .then((all) => (${work})(...all))
      .then(
        (value) => { outcomes[id] = { value }; },
        (error) => { outcomes[id] = { error: error + "\\n" + (error?.stack ?? "") }; },
      );`;
}

/** The key of an element's name in responses (WebDriver §12.1). */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** A browser and its driver. */
export class WebDriverBrowser {
  #url;
  #child;
  /** The browser's first window: it stays open, because a command for a new window needs an open one. */
  #first;
  /** The window that commands go to. */
  #current;
  /** The last of the commands, which are sent one after the other: their window is a state of the driver. */
  #last = Promise.resolve();
  #calls = 0;
  /** The driver waits for such a page to be loaded, which it never is. */
  findsCached = false;

  /**
   * @param {string} url the session's
   * @param {string} first
   * @param {import("node:child_process").ChildProcess} child the driver
   */
  constructor(url, first, child) {
    this.#url = url;
    this.#first = first;
    this.#current = first;
    this.#child = child;
  }

  /**
   * @param {string} driver its file
   * @param {Record<string, string>} env what it runs with besides
   * @returns {Promise<WebDriverBrowser>}
   */
  static async launch(driver, env) {
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      const child = start(driver, [`--port=${port}`], { env });
      // A full pipe without a reader would block the driver.
      for (const stream of [child.stdout, child.stderr]) stream.resume();
      const base = `http://127.0.0.1:${port}`;
      const isReady = () =>
        child.exitCode !== null ||
        command("GET", `${base}/status`).then(
          () => true,
          () => false,
        );
      await until("the driver listens", isReady, { within: 30_000, every: 50 });
      if (child.exitCode !== null && tries < STARTS) continue;
      // The server's certificate is self-signed.
      const wanted = { acceptInsecureCerts: true, timeouts: { script: SCRIPT_MS } };
      const signal = AbortSignal.timeout(OPENING_MS);
      try {
        const capabilities = { alwaysMatch: wanted };
        const { sessionId } = await command("POST", `${base}/session`, { capabilities }, signal);
        const url = `${base}/session/${sessionId}`;
        return new WebDriverBrowser(url, await command("GET", `${url}/window`, undefined, signal), child);
      } catch (error) {
        // Seen once on a busy machine: five minutes without an answer.
        child.kill();
        if (!signal.aborted || tries >= STARTS) throw error;
      }
    }
  }

  /** @returns {Promise<import("./engines.mjs").Tab>} */
  async openTab() {
    // A window, because a new tab of a window would be hidden from the start.
    const { handle } = await this.#command(this.#first, "POST", "/window/new", { type: "window" });
    return this.#tab(handle);
  }

  /**
   * Returns the window that something opens.
   *
   * @param {() => Promise<void>} act
   */
  async openedBy(act) {
    const before = await this.#handles();
    await act();
    const isNew = (/** @type {string} */ handle) => !before.includes(handle);
    return this.#tab(await until("a window was opened", async () => (await this.#handles()).find(isNew)));
  }

  /** How many windows tests have open. */
  async count() {
    return (await this.#handles()).length - 1;
  }

  /** @returns {Promise<string[]>} */
  #handles() {
    return this.#command(this.#first, "GET", "/window/handles");
  }

  /**
   * @param {string} handle
   * @returns {import("./engines.mjs").Tab}
   */
  #tab(handle) {
    const evaluate = (/** @type {unknown} */ work, /** @type {unknown[]} */ ...given) =>
      this.#evaluate(handle, work, given);
    return {
      evaluate: /** @type {import("./engines.mjs").Tab["evaluate"]} */ (evaluate),
      goto: (url) => this.#command(handle, "POST", "/url", { url }),
      url: () => this.#command(handle, "GET", "/url"),
      back: () => this.#command(handle, "POST", "/back", {}),
      reload: () => this.#command(handle, "POST", "/refresh", {}),
      click: async (selector) => this.#command(handle, "POST", `${await this.#find(handle, selector)}/click`, {}),
      type: async (selector, text) =>
        this.#command(handle, "POST", `${await this.#find(handle, selector)}/value`, { text }),
      hide: () => this.#command(handle, "POST", "/window/minimize", {}),
      show: () => this.#command(handle, "POST", "/window/rect", { width: 800, height: 600 }),
      close: () => this.#command(handle, "DELETE", "/window"),
    };
  }

  /** Ends the browser, and then the driver, which would leave it running. */
  async close() {
    try {
      await command("DELETE", this.#url);
    } finally {
      const ended = once(this.#child, "exit");
      if (this.#child.kill()) await ended;
    }
  }

  /**
   * Waits for an element, and returns its path.
   *
   * @param {string} handle
   * @param {string} selector
   */
  async #find(handle, selector) {
    const wanted = { using: "css selector", value: selector };
    const find = () => this.#command(handle, "POST", "/element", wanted).catch(() => undefined);
    const found = await until(`there is ${selector}`, find);
    return `/element/${found[ELEMENT]}`;
  }

  /**
   * @param {string} handle
   * @param {unknown} work
   * @param {unknown[]} given
   */
  async #evaluate(handle, work, given) {
    const id = this.#calls++;
    const script = (/** @type {string} */ text, /** @type {unknown[]} */ ...args) =>
      this.#command(handle, "POST", "/execute/sync", { script: text, args });
    await script(called(work), id, given);
    const outcome = await until("the page has an outcome", () => script(COLLECT, id), { within: SCRIPT_MS });
    if ("error" in outcome) throw new Error(outcome.error);
    return outcome.value;
  }

  /**
   * Sends a command to a window, after those before it have ended.
   *
   * @param {string} handle
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  #command(handle, method, path, body) {
    const result = this.#last.then(async () => {
      if (this.#current !== handle) await command("POST", `${this.#url}/window`, { handle });
      this.#current = handle;
      return command(method, this.#url + path, body);
    });
    // A failure rejects the command's own promise; the next command is still sent.
    this.#last = result.catch(() => {});
    return result;
  }
}

/**
 * @param {string} method
 * @param {string} url
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 */
async function command(method, url, body, signal) {
  const answer = await fetch(url, { method, body: body ? JSON.stringify(body) : null, signal: signal ?? null });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${url}: ${value?.error}: ${value?.message}`);
  return value;
}
