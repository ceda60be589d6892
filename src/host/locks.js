/** The Web Lock that all tabs of a browser share: held briefly, released by resolving a promise. */

import { LOCK_FAILED, LOCK_GRANTED } from "../generated/codes.js";
import { own } from "./own.js";

/** @typedef {import("./early-refresh.js").EarlyRefresh} EarlyRefresh */
/** @typedef {{ controller: AbortController, release: (() => void) | undefined }} Request */

export class Locks {
  #locks;
  #name;
  #feed;
  /** The lock requested while the module was loading, until it is used. @type {EarlyRefresh["lock"] | undefined} */
  #early;
  /** The refresh sent under it. @type {EarlyRefresh | undefined} */
  #earlyRefresh;
  /** This tab's requests, by attempt. @type {Map<number, Request>} */
  #requests = new Map();

  /**
   * @param {Pick<LockManager, "request"> | undefined} locks
   * @param {string} name
   * @param {(kind: number, attempt: number) => void} feed
   */
  constructor(locks, name, feed) {
    this.#locks = locks;
    this.#name = name;
    this.#feed = feed;
  }

  /** Takes over the lock and the refresh that were requested while the module was loading. @param {EarlyRefresh} [early] */
  adopt(early) {
    this.#early = early?.lock;
    this.#earlyRefresh = early;
  }

  /** Returns the refresh sent under that lock, once. */
  takeRequest() {
    return this.#earlyRefresh?.take();
  }

  /** Returns the lock requested while the module was loading, once. */
  takeEarly() {
    const early = this.#early;
    this.#early = undefined;
    return early;
  }

  /**
   * Requests the lock; feeds `LOCK_GRANTED` or `LOCK_FAILED`.
   *
   * @param {number} attempt
   */
  acquire(attempt) {
    /** @type {Request} */
    const request = { controller: new AbortController(), release: undefined };
    this.#requests.set(attempt, request);
    const early = this.takeEarly();
    if (!early) return this.#request(attempt, request);
    early.then((release) => {
      if (!release) this.#request(attempt, request);
      else this.#granted(attempt, request, release);
    });
  }

  /**
   * Releases the lock, or aborts the request for it.
   *
   * @param {number} attempt
   */
  release(attempt) {
    // A request sent under this lock and not taken until now must not serve a later refresh.
    this.#earlyRefresh = undefined;
    const request = this.#requests.get(attempt);
    this.#requests.delete(attempt);
    if (request?.release) request.release();
    else request?.controller.abort();
  }

  releaseAll() {
    for (const attempt of this.#requests.keys()) this.release(attempt);
  }

  /**
   * @param {number} attempt
   * @param {Request} request
   */
  #request(attempt, request) {
    // An end before `release` means that the request failed or the lock was stolen.
    const ended = () => {
      if (!this.#requests.delete(attempt)) return;
      this.#feed(LOCK_FAILED, attempt);
    };
    if (request.controller.signal.aborted) return;
    const { signal } = request.controller;
    const hold = () =>
      new Promise((/** @type {(nothing: void) => void} */ release) => this.#granted(attempt, request, release));
    try {
      const held = this.#locks?.request(this.#name, own({ signal }), hold);
      if (!held) return ended();
      held.then(ended, ended);
    } catch {
      ended();
    }
  }

  /**
   * @param {number} attempt
   * @param {Request} request
   * @param {() => void} release
   */
  #granted(attempt, request, release) {
    // Released while the grant was in progress.
    if (!this.#requests.has(attempt)) return release();
    request.release = release;
    this.#feed(LOCK_GRANTED, attempt);
  }
}
