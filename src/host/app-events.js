/** Passes on to the app what commands tell it. */

import { REFRESHED, REFRESH_FAILURE, SIGNED_OUT, STATUS, TRACED, USER_CHANGED } from "../generated/codes.js";

/**
 * @param {import("./app.js").App} app
 * @param {import("./bridge.js").Command} command
 */
export function tellApp(app, [kind, , a, b, c, d, text]) {
  const lines = /** @type {[string, string, string, string, string]} */ (text.split("\n"));
  const [first, second, third, fourth] = lines;
  switch (kind) {
    case STATUS:
      return app.status(a > 0, ...lines);
    case REFRESHED:
      return app.refreshed(a, b, c, d, first, second);
    case REFRESH_FAILURE:
      return app.refreshFailed(a, b, c, d, first, second);
    case SIGNED_OUT:
      return app.signedOut(first);
    case USER_CHANGED:
      return app.userChanged(first, second);
    case TRACED:
      return app.traced(a, b, c, first, second, third, fourth);
  }
}
