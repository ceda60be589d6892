/** Who waits for an answer of the machine, and how it reaches them. */

import { CALLER_ABORTED } from "./bridge.js";
import { own } from "./own.js";

/** How an answer reaches its caller: kept, or rejected with what. @typedef {(ok: boolean, answer: unknown) => void} Settle */

/** @typedef {{ settle: Settle, signal: AbortSignal | undefined, onAbort: () => void, signIn: (() => unknown) | undefined, threw: { thrown: unknown } | undefined }} Caller */

export class Callers {
  #feed;
  #lastRequest = 0;
  /** @type {Map<number, Caller>} */
  waiting = new Map();
  /** Answers that wait until all else is done. @type {(() => void)[]} */
  #results = [];

  /** @param {(...given: import("./host.js").Given) => void} feed */
  constructor(feed) {
    this.#feed = feed;
  }

  /**
   * Asks the machine for something on behalf of a caller, who waits until the signal ends it.
   *
   * @param {number} kind
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   * @param {Settle} settle
   * @param {[b?: number, c?: number, text?: string]} [rest] what else the question brings
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
   * Takes the sign-in function that a caller has brought, once.
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
   * Notes what a caller's sign-in function threw: that is what the caller is rejected with.
   *
   * @param {number} request
   * @param {unknown} thrown
   */
  setThrown(request, thrown) {
    const caller = this.waiting.get(request);
    if (caller) caller.threw = { thrown };
  }

  /**
   * Answers a caller, after all else that is to be done now; one that no longer waits is not missed.
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

  /** Answers those whose answers are there. */
  flush() {
    for (const settleLater of this.#results.splice(0)) settleLater();
  }
}
