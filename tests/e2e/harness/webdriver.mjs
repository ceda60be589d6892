/** Drives a browser over WebDriver: each one has a driver of its own, and so a profile that it shares with nobody. */

import { once } from "node:events";

import { start } from "../../../pkg-template/tools/process.mjs";
import { freePort } from "./ports.mjs";
import { until } from "./until.mjs";

/** How often a driver is started where another program was quicker to take the port that was found free. */
const STARTS = 3;

/** How long a function on a page may take: a test's own deadline is what ends it. */
const SCRIPT_MS = 300_000;

/** On the page: takes the outcome of a call out of where {@link called} has put it. */
const COLLECT = `
  const outcome = window.outcomes ? window.outcomes[arguments[0]] : { error: "the page is another one now" };
  if (outcome && window.outcomes) delete window.outcomes[arguments[0]];
  return outcome ?? null;`;

/**
 * On the page: calls a function and keeps its outcome, so that calls on several pages can be under way.
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

/** A browser and its driver. */
export class WebDriverBrowser {
  #url;
  #child;
  /** The window that the browser began with: it stays, because new ones are asked for in one that is there. */
  #first;
  /** The window that commands go to. */
  #current;
  /** The last of the commands, which go one after the other: what window they are for is the driver's own state. */
  #last = Promise.resolve();
  #calls = 0;

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
      // What nobody reads would stop whoever writes it, one day.
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
      // The server's certificate is one that it has made for itself.
      const wanted = { acceptInsecureCerts: true, timeouts: { script: SCRIPT_MS } };
      const { sessionId } = await command("POST", `${base}/session`, { capabilities: { alwaysMatch: wanted } });
      const url = `${base}/session/${sessionId}`;
      return new WebDriverBrowser(url, await command("GET", `${url}/window`), child);
    }
  }

  /** @returns {Promise<import("./engines.mjs").Tab>} */
  async openTab() {
    // A tab beside others would be hidden from its beginning.
    const { handle } = await this.#command(this.#first, "POST", "/window/new", { type: "window" });
    const evaluate = (/** @type {unknown} */ work, /** @type {unknown[]} */ ...given) =>
      this.#evaluate(handle, work, given);
    return {
      evaluate: /** @type {import("./engines.mjs").Tab["evaluate"]} */ (evaluate),
      goto: (url) => this.#command(handle, "POST", "/url", { url }),
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
   * Gives a command to a window, when those before it are done.
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
    // Whoever gave the command is told of its failure; the next one goes on.
    this.#last = result.catch(() => {});
    return result;
  }
}

/**
 * @param {string} method
 * @param {string} url
 * @param {object} [body]
 */
async function command(method, url, body) {
  const answer = await fetch(url, body ? { method, body: JSON.stringify(body) } : { method });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${url}: ${value?.error}: ${value?.message}`);
  return value;
}
