/** The `BroadcastChannel` to the other tabs. */

import { TAB_MESSAGE_RECEIVED } from "../generated/codes.js";

export class TabChannel {
  #name;
  #realm;
  #feed;
  /** @type {BroadcastChannel | undefined} */
  #channel;

  /**
   * @param {string} name
   * @param {import("./realm.js").Realm} realm
   * @param {(...given: import("./app.js").Given) => void} feed
   */
  constructor(name, realm, feed) {
    this.#name = name;
    this.#realm = realm;
    this.#feed = feed;
  }

  open() {
    this.close();
    try {
      this.#channel = new /** @type {typeof BroadcastChannel} */ (this.#realm.BroadcastChannel)(this.#name);
      this.#channel.onmessage = ({ data }) =>
        this.#feed(TAB_MESSAGE_RECEIVED, 0, 0, 0, 0, typeof data === "string" ? data : "");
    } catch {
      // Some browsers have no BroadcastChannel, and opaque origins may not use it.
    }
  }

  /** @param {string} text */
  post(text) {
    try {
      this.#channel?.postMessage(text);
    } catch {
      // Tab messages are optional: a tab that misses one reads the stored record.
    }
  }

  close() {
    this.#channel?.close();
    this.#channel = undefined;
  }
}
