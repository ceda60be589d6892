/** The push stream: one tab of a browser holds it, the one with its lock. Loaded only for sessions with the option `push`. */

import { PUSH_RECEIVED, STREAM_ENDED } from "../generated/codes.js";
import { own } from "./own.js";

export class PushStream {
  #realm;
  #key;
  #url;
  #feed;
  /** @type {EventSource | undefined} */
  #source;
  /** Releases the lock, or aborts the request for it; `undefined` without either. @type {((nothing: void) => void) | undefined} */
  #release;
  #isHolder = false;

  /**
   * @param {import("./realm.js").Realm} realm
   * @param {import("./options.js").Settings} settings
   * @param {(kind: number, id: number) => void} feed
   */
  constructor(realm, { key, server }, feed) {
    this.#realm = realm;
    // No storage key has a control character, so this is no other session's lock.
    this.#key = `${key}\tpush`;
    this.#url = `${server}/auth/events`;
    this.#feed = feed;
  }

  /** Opens the stream, again if it is open, as soon as no other tab holds it. */
  open() {
    if (this.#isHolder) return this.#connect();
    if (this.#release) return;
    const controller = new AbortController();
    const { signal } = controller;
    this.#release = () => controller.abort();
    // Called with the lock, or where there is none.
    const granted = () => {
      if (signal.aborted) return;
      this.#isHolder = true;
      this.#connect();
      return new Promise((/** @type {(nothing: void) => void} */ release) => {
        this.#release = release;
      });
    };
    const denied = () => void (this.#isHolder || granted());
    try {
      const held = this.#realm.navigator?.locks?.request(this.#key, own({ signal }), granted);
      if (held) held.catch(denied);
      else denied();
    } catch {
      denied();
    }
  }

  /** Closes the stream and releases the lock: an open one would keep the page out of the back/forward cache. */
  close() {
    this.#source?.close();
    this.#isHolder = false;
    this.#release?.();
    this.#release = undefined;
  }

  #connect() {
    this.#source?.close();
    const { EventSource } = this.#realm;
    if (!EventSource) return;
    const source = new EventSource(this.#url, own({ withCredentials: true }));
    this.#source = source;
    let wasOpen = 0;
    source.onopen = () => {
      wasOpen = 1;
    };
    source.onmessage = () => this.#feed(PUSH_RECEIVED, 0);
    source.onerror = () => {
      // Its own reconnection has neither back-off nor jitter.
      source.close();
      this.#feed(STREAM_ENDED, wasOpen);
    };
  }
}
