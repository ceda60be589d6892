/** Loads the code of the push stream, which most sessions do without, when the stream is first opened. */

import { STREAM_ENDED } from "../generated/codes.js";

export class PushLoader {
  #realm;
  #settings;
  #feed;
  /** @type {Promise<import("./push.js").PushStream> | undefined} */
  #stream;

  /**
   * @param {import("./realm.js").Realm} realm
   * @param {import("./options.js").Settings} settings
   * @param {(kind: number, id: number) => void} feed
   */
  constructor(realm, settings, feed) {
    this.#realm = realm;
    this.#settings = settings;
    this.#feed = feed;
  }

  open() {
    this.#stream ??= import("./push.js").then(
      ({ PushStream }) => new PushStream(this.#realm, this.#settings, this.#feed),
    );
    this.#stream.then(
      (stream) => stream.open(),
      () => {
        this.#stream = undefined; // loaded again with the next attempt
        this.#feed(STREAM_ENDED, 0);
      },
    );
  }

  close() {
    this.#stream?.then((stream) => stream.close()).catch(() => {});
  }
}
