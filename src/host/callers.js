/** The callers that wait for a result from the machine. */

import { CALLER_ABORTED } from "../generated/codes.js";
import { own } from "./own.js";

/** Settles a caller: with a result if `ok`, else with an error. @typedef {(ok: boolean, answer: unknown) => void} Settle */
/** An input without its caller's id. @typedef {[kind: number, ...fields: (number | string)[]]} Question */
/** @typedef {{ settle: Settle, signal: AbortSignal | undefined, onAbort: () => void, signIn: (() => unknown) | undefined, threw: { thrown: unknown } | undefined }} Caller */

export class Callers {
  #feed;
  #lastId = 0;
  /** @type {Map<number, Caller>} */
  #waiting = new Map();
  /** Results to deliver after the current batch of inputs. @type {(() => void)[]} */
  #results = [];

  /** @param {(...given: import("./host.js").Given) => void} feed */
  constructor(feed) {
    this.#feed = feed;
  }

  /**
   * Feeds a caller's request to the machine. The caller waits until it is settled or its signal aborts.
   *
   * @param {Question} question
   * @param {AbortSignal | undefined} signal
   * @param {Settle} settle
   * @param {() => unknown} [signIn]
   */
  ask([kind, ...fields], signal, settle, signIn = undefined) {
    if (signal?.aborted) return settle(false, signal.reason);
    const id = ++this.#lastId;
    const onAbort = () => {
      this.#waiting.delete(id);
      this.#feed(CALLER_ABORTED, id);
      settle(false, signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, own({ once: true }));
    this.#waiting.set(id, { settle, signal, onAbort, signIn, threw: undefined });
    this.#feed(kind, id, .../** @type {[number]} */ (fields));
  }

  /**
   * Returns a caller's sign-in function, once.
   *
   * @param {number} id
   */
  takeSignIn(id) {
    const caller = this.#waiting.get(id);
    const run = caller?.signIn;
    if (caller) caller.signIn = undefined;
    return run;
  }

  /**
   * Stores what a caller's sign-in function threw; the caller is rejected with that.
   *
   * @param {number} id
   * @param {unknown} thrown
   */
  setThrown(id, thrown) {
    const caller = this.#waiting.get(id);
    if (caller) caller.threw = { thrown };
  }

  /**
   * Queues a caller's result until the current batch is done. Unknown ids are ignored.
   *
   * @param {number} id
   * @param {boolean} ok
   * @param {unknown} answer
   */
  settleLater(id, ok, answer) {
    const caller = this.#waiting.get(id);
    if (!caller) return;
    this.#waiting.delete(id);
    caller.signal?.removeEventListener("abort", caller.onAbort);
    const { settle, threw } = caller;
    this.#results.push(() => settle(ok, !ok && threw ? threw.thrown : answer));
  }

  /**
   * Queues an error for every caller.
   *
   * @param {unknown} error
   */
  rejectAll(error) {
    for (const id of this.#waiting.keys()) this.settleLater(id, false, error);
  }

  /** Settles the callers whose results are queued. */
  flush() {
    for (const settle of this.#results.splice(0)) settle();
  }
}
