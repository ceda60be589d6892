/** The first refresh of a page, sent by a script of its own before the bundle with the SDK is loaded. */

import { cancelEarly, leaveIn, startEarly, startedIn } from "./early-refresh.js";
import { readIdentity } from "./options.js";
import { own } from "./own.js";

/**
 * How long the refresh and its lock are kept for a session, in milliseconds. Meanwhile, other tabs without a token wait for the
 * lock.
 */
const KEPT_MS = 10_000;

/**
 * Starts the first refresh of the session that a script element's data attributes name, and leaves it for the `createSession`
 * with the same options. If none comes, the refresh is cancelled, and the console tells.
 *
 * @param {object} attributes `auth`, by default the page's origin, or `refresh`; `context` and `storageKey`
 * @param {import("./realm.js").Realm} realm
 */
export function startFor(attributes, realm) {
  const { auth = realm.location?.origin, refresh, context, storageKey } = own(attributes);
  const identity = readIdentity(own({ auth: refresh ? own({ refresh }) : auth, context, storageKey }));
  const early = startEarly(/** @type {import("./options.js").Settings} */ (identity), realm);
  if (!early) return;
  const before = startedIn(realm);
  const timer = realm.setTimeout(() => {
    leave();
    cancelEarly(early);
    console.warn(`nolapse/early: no session was created for ${identity.key} within ${KEPT_MS / 1_000} s`);
  }, KEPT_MS);
  let isLeft = false;
  const leave = () => {
    isLeft = true;
    realm.clearTimeout(/** @type {never} */ (timer));
  };
  leaveIn(realm, (wanted) => {
    if (isLeft || nameOf(wanted) !== nameOf(identity)) return before?.(wanted);
    leave();
    return early;
  });
}

/** @param {import("./early-refresh.js").Identity} identity */
function nameOf({ key, refresh, contexts }) {
  return [key, refresh, ...contexts].join("\n");
}
