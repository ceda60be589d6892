/** The callers that wait for a result from the machine. */

import { CALLER_ABORTED } from "./bridge.js";
import { own } from "./own.js";

/** Settles a caller: with a result if `ok`, else with an error. @typedef {(ok: boolean, answer: unknown) => void} Settle */

/** @typedef {{ settle: Settle, signal: AbortSignal | undefined, onAbort: () => void, signIn: (() => unknown) | undefined, threw: { thrown: unknown } | undefined }} Caller */

export class Callers {
  #feed;
  #lastRequest = 0;
  /** @type {Map<number, Caller>} */
  waiting = new Map();
  /** Results to deliver after the current batch of inputs. @type {(() => void)[]} */
  #results = [];

  /** @param {(...given: import("./host.js").Given) => void} feed */
  constructor(feed) {
    this.#feed = feed;
  }

  /**
   * Feeds a caller's request to the machine. The caller waits until it is settled or its signal aborts.
   *
   * @param {number} kind
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   * @param {Settle} settle
   * @param {[b?: number, c?: number, text?: string]} [rest] the input's other fields
   * @param {() => unknown} [signIn]
   */
  ask(kind, number, signal, settle, rest = [], signIn = undefined) {
    if (signal?.aborted) return settle(false, signal.reason);
    const request = ++this.#lastRequest;
    const onAbort = () => {
      this.waiting.delete(request);
      this.#feed(CALLER_ABORTED, request);
      settle(false, signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, own({ once: true }));
    this.waiting.set(request, { settle, signal, onAbort, signIn, threw: undefined });
    this.#feed(kind, request, number, ...rest);
  }

  /**
   * Returns a caller's sign-in function, once.
   *
   * @param {number} request
   */
  takeSignIn(request) {
    const caller = this.waiting.get(request);
    const run = caller?.signIn;
    if (caller) caller.signIn = undefined;
    return run;
  }

  /**
   * Stores what a caller's sign-in function threw; the caller is rejected with that.
   *
   * @param {number} request
   * @param {unknown} thrown
   */
  setThrown(request, thrown) {
    const caller = this.waiting.get(request);
    if (caller) caller.threw = { thrown };
  }

  /**
   * Queues a caller's result until the current batch is done. Unknown ids are ignored.
   *
   * @param {number} request
   * @param {boolean} ok
   * @param {unknown} answer
   */
  settleLater(request, ok, answer) {
    const caller = this.waiting.get(request);
    if (!caller) return;
    this.waiting.delete(request);
    caller.signal?.removeEventListener("abort", caller.onAbort);
    const { settle, threw } = caller;
    this.#results.push(() => settle(ok, !ok && threw ? threw.thrown : answer));
  }

  /** Settles the callers whose results are queued. */
  flush() {
    for (const settleLater of this.#results.splice(0)) settleLater();
  }
}
