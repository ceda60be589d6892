/** Loads the code of the push stream, which most sessions do without, when the stream is first opened. */

import { STREAM_ENDED } from "../generated/codes.js";

/**
 * @param {import("./realm.js").Realm} realm
 * @param {import("./options.js").Settings} settings
 * @param {(kind: number, id: number) => void} feed
 */
export function pushLoader(realm, settings, feed) {
  /** @type {Promise<import("./push.js").PushStream> | undefined} */
  let loading;
  return {
    open() {
      loading ??= import("./push.js").then(({ PushStream }) => new PushStream(realm, settings, feed));
      loading.then(
        (stream) => stream.open(),
        () => {
          loading = undefined; // loaded again with the next attempt
          feed(STREAM_ENDED, 0);
        },
      );
    },
    close() {
      loading?.then(
        (stream) => stream.close(),
        () => {},
      );
    },
  };
}
