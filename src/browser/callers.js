/** Who waits for an answer of the machine, and how it reaches them. */

import { REQUEST_ABORTED } from "./mailbox.js";
import { own } from "./own.js";

/** How an answer reaches its caller: kept, or rejected with what. @typedef {(isKept: boolean, answer: unknown) => void} Done */

/** @typedef {{ done: Done, signal: AbortSignal | undefined, hangUp: () => void, signIn: (() => unknown) | undefined, threw: { thrown: unknown } | undefined }} Caller */

export class Callers {
  #feed;
  #lastRequest = 0;
  /** @type {Map<number, Caller>} */
  waiting = new Map();
  /** Answers that wait until all else is done. @type {(() => void)[]} */
  #settled = [];

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
   * @param {Done} done
   * @param {[b?: number, c?: number, text?: string]} [rest] what else the question brings
   * @param {() => unknown} [signIn]
   */
  ask(kind, number, signal, done, rest = [], signIn = undefined) {
    if (signal?.aborted) return done(false, signal.reason);
    const request = ++this.#lastRequest;
    const hangUp = () => {
      this.waiting.delete(request);
      this.#feed(REQUEST_ABORTED, request);
      done(false, signal?.reason);
    };
    signal?.addEventListener("abort", hangUp, own({ once: true }));
    this.waiting.set(request, { done, signal, hangUp, signIn, threw: undefined });
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
  noteThrown(request, thrown) {
    const caller = this.waiting.get(request);
    if (caller) caller.threw = { thrown };
  }

  /**
   * Answers a caller, after all else that is to be done now; one that no longer waits is not missed.
   *
   * @param {number} request
   * @param {boolean} isKept
   * @param {unknown} answer
   */
  settle(request, isKept, answer) {
    const caller = this.waiting.get(request);
    if (!caller) return;
    this.waiting.delete(request);
    caller.signal?.removeEventListener("abort", caller.hangUp);
    const { done, threw } = caller;
    this.#settled.push(() => done(isKept, !isKept && threw ? threw.thrown : answer));
  }

  /** Answers those whose answers are there. */
  deliver() {
    for (const settle of this.#settled.splice(0)) settle();
  }
}
