/** The Web Lock that all tabs of a browser share: held briefly, released by resolving a promise. */

import { LOCK_FAILED, LOCK_GRANTED } from "./bridge.js";
import { own } from "./own.js";

/** @typedef {{ controller: AbortController, release: (() => void) | undefined }} Request */

export class Locks {
  #name;
  #feed;
  /** This tab's requests, by attempt. @type {Map<number, Request>} */
  #requests = new Map();

  /**
   * @param {string} name
   * @param {(kind: number, attempt: number) => void} feed
   * @param {import("./early-refresh.js").EarlyRefresh | undefined} earlyRefresh the lock requested while loading
   */
  constructor(name, feed, earlyRefresh) {
    this.#name = name;
    this.#feed = feed;
    this.earlyRefresh = earlyRefresh;
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
    const early = this.earlyRefresh?.lock;
    this.earlyRefresh = undefined;
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
    const held = () =>
      new Promise((/** @type {(nothing: void) => void} */ release) => this.#granted(attempt, request, release));
    try {
      navigator.locks.request(this.#name, own({ signal }), held).then(ended, ended);
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
