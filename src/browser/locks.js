/** The lock that all tabs of a browser share: queued for, held briefly, given back by resolving a promise. */

import { LOCK_FAILED, LOCK_GRANTED } from "./mailbox.js";
import { own } from "./own.js";

/** @typedef {{ controller: AbortController, giveBack: (() => void) | undefined }} Request */

export class Locks {
  #name;
  #feed;
  /** This tab's requests, by attempt. @type {Map<number, Request>} */
  #requests = new Map();

  /**
   * @param {string} name
   * @param {(kind: number, attempt: number) => void} feed
   * @param {import("./head-start.js").HeadStart | undefined} headStart a lock that was asked for before the machine was there
   */
  constructor(name, feed, headStart) {
    this.#name = name;
    this.#feed = feed;
    this.headStart = headStart;
  }

  /**
   * Queues for the lock; says that it is granted, or that there is none to be had.
   *
   * @param {number} attempt
   */
  acquire(attempt) {
    /** @type {Request} */
    const request = { controller: new AbortController(), giveBack: undefined };
    this.#requests.set(attempt, request);
    const early = this.headStart?.lock;
    this.headStart = undefined;
    if (!early) return this.#queue(attempt, request);
    early.then((giveBack) => {
      if (!giveBack) this.#queue(attempt, request);
      else this.#hold(attempt, request, giveBack);
    });
  }

  /**
   * Gives the lock back, or withdraws the request for it.
   *
   * @param {number} attempt
   */
  release(attempt) {
    const request = this.#requests.get(attempt);
    this.#requests.delete(attempt);
    if (request?.giveBack) request.giveBack();
    else request?.controller.abort();
  }

  releaseAll() {
    for (const attempt of this.#requests.keys()) this.release(attempt);
  }

  /**
   * @param {number} attempt
   * @param {Request} request
   */
  #queue(attempt, request) {
    // It is kept until it was given back: an end before that is a failure, or a theft.
    const ended = () => {
      if (!this.#requests.delete(attempt)) return;
      this.#feed(LOCK_FAILED, attempt);
    };
    if (request.controller.signal.aborted) return;
    const { signal } = request.controller;
    const held = () =>
      new Promise((/** @type {(nothing: void) => void} */ giveBack) => this.#hold(attempt, request, giveBack));
    try {
      navigator.locks.request(this.#name, own({ signal }), held).then(ended, ended);
    } catch {
      ended();
    }
  }

  /**
   * @param {number} attempt
   * @param {Request} request
   * @param {() => void} giveBack
   */
  #hold(attempt, request, giveBack) {
    // Withdrawn at the very moment: it goes back at once.
    if (!this.#requests.has(attempt)) return giveBack();
    request.giveBack = giveBack;
    this.#feed(LOCK_GRANTED, attempt);
  }
}
