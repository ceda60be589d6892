/** Executes the commands of the machine. Contains no decisions. */

import * as codes from "../generated/codes.js";

/**
 * What commands work on.
 *
 * @typedef {object} Parts
 * @property {import("./app.js").App} app
 * @property {import("./callers.js").Callers} callers
 * @property {import("./tab-channel.js").TabChannel} channel
 * @property {import("./locks.js").Locks} locks
 * @property {ReturnType<typeof import("./push-loader.js").pushLoader>} push
 * @property {import("./requests.js").Requests} requests
 * @property {import("./storage.js").RecordStorage} storage
 * @property {import("./bearer.js").CurrentTokens} tokens
 */

/**
 * @param {Parts} parts
 * @param {import("./bridge.js").Command} command
 */
export function execute(
  { app, callers, channel, locks, push, requests, storage, tokens },
  [kind, id, a, b, c, d, text],
) {
  const lines = /** @type {[string, string, string, string, string]} */ (text.split("\n"));
  const [first, second, third, fourth] = lines;
  switch (kind) {
    case codes.ACQUIRE_LOCK:
      return locks.acquire(id);
    case codes.RELEASE_LOCK:
      return locks.release(id);
    case codes.SEND_REFRESH:
      return requests.refresh(id, first, second, a, third, locks.takeRequest());
    case codes.SEND_SIGN_OUT:
      return requests.signOut(id, a > 0);
    case codes.RUN_SIGN_IN:
      return requests.signIn(id, callers.takeSignIn(a), (thrown) => callers.setThrown(a, thrown));
    case codes.ABORT:
      return requests.abort(id);
    case codes.TOKEN_CHANGED:
      return tokens.replace(id, text, a, b);
    case codes.SETTLE_TOKEN:
      return callers.settleLater(id, true, tokens.all);
    case codes.SETTLE_DONE:
      return callers.settleLater(id, true, a > 0);
    case codes.SETTLE_ERROR:
      return callers.settleLater(id, false, app.error(first, second, third, fourth, a));
    case codes.BROADCAST:
      return channel.post(text);
    case codes.WRITE_RECORD:
      return storage.write(text);
    case codes.OPEN_CHANNEL:
      return channel.open();
    case codes.CLOSE_CHANNEL:
      return channel.close();
    case codes.OPEN_STREAM:
      return push.open();
    case codes.CLOSE_STREAM:
      return push.close();
    case codes.STATUS:
      return app.status(a > 0, ...lines);
    case codes.REFRESHED:
      return app.refreshed(a, b, c, d, first, second);
    case codes.REFRESH_FAILURE:
      return app.refreshFailed(a, b, c, d, first, second);
    case codes.SIGNED_OUT:
      return app.signedOut(first);
    case codes.USER_CHANGED:
      return app.userChanged(first, second);
    case codes.TRACED:
      return app.traced(a, b, c, first, second, third, fourth);
  }
}
