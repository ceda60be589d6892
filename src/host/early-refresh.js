/**
 * Early refresh: requests the lock and sends the page's first refresh while the module is still loading, and hands both
 * over when the machine asks for them.
 */

import { prove } from "./device-key.js";
import { sendRefresh } from "./http.js";
import { isHidden } from "./lifecycle.js";
import { own } from "./own.js";
import { expiredAt, RecordStorage } from "./storage.js";

/** Timeout for the lock, which some browsers never grant, and for the key of the proof, in milliseconds. */
const TIMEOUT_MS = 150;

/**
 * @typedef {object} EarlyRefresh
 * @property {Promise<(() => void) | undefined>} lock releases the lock; `undefined` if it is taken or no refresh is due
 * @property {Promise<unknown> | false} decided to await before the main thread is blocked, which would delay the refresh
 * @property {() => EarlyRequest | undefined} take returns the request that was sent under the lock, once
 */

/** @typedef {{ answer: Promise<import("./http.js").Answer>, declared: import("./http.js").Refresh, controller: AbortController, sent: number }} EarlyRequest */

/**
 * Where a page's earlier script (`nolapse/early`) leaves a function that hands over what it started. The number is that of this
 * interface: an app may serve the script of another release.
 */
const STARTED = Symbol.for("nolapse.early.1");

/** Returns the early refresh of a session, once. @typedef {(settings: Identity) => EarlyRefresh | undefined} TakeStarted */
/** @typedef {Pick<import("./options.js").Settings, "key" | "refresh" | "contexts">} Identity */

/** @param {import("./realm.js").Realm} realm @returns {TakeStarted | undefined} */
export function startedIn(realm) {
  return /** @type {{ [STARTED]?: TakeStarted }} */ (realm)[STARTED];
}

/** @param {import("./realm.js").Realm} realm @param {TakeStarted} take */
export function leaveIn(realm, take) {
  /** @type {{ [STARTED]?: TakeStarted }} */ (realm)[STARTED] = take;
}

/**
 * Requests the lock, the slowest step in browsers, and sends the refresh under it if the record then shows that a refresh
 * is due and that no other tab can have a valid token.
 *
 * @param {import("./options.js").Settings} settings
 * @param {import("./realm.js").Realm} realm
 * @returns {EarlyRefresh | undefined}
 */
export function startEarly(settings, realm) {
  const { key, refresh, contexts, server } = settings;
  const locks = realm.navigator?.locks;
  if (!locks) return undefined;
  const isDue = () => expiredAt(new RecordStorage(key, realm).readOrHint()) <= realm.Date.now();
  /** @type {EarlyRequest | undefined} */
  let early;
  /** @type {ReturnType<typeof prove> | undefined} */
  let proof;
  /** @type {EarlyRefresh["lock"]} */
  const lock = new Promise((resolve) => {
    const refused = () => resolve(undefined);
    const granted = (/** @type {unknown} */ it) => {
      if (!it || !isDue()) return refused();
      const controller = new AbortController();
      const page = isHidden(realm) ? "hidden" : "visible";
      const declared = /** @type {import("./http.js").Refresh} */ (["load", page, 0, contexts]);
      const answer = sendRefresh(realm, settings, declared, controller.signal, proof);
      // The code that takes the request handles its rejection.
      answer.catch(() => {});
      early = { answer, declared, controller, sent: realm.performance.now() };
      return new Promise((/** @type {(nothing: void) => void} */ release) => resolve(release));
    };
    // Stolen or denied: continue without the lock, which is optional.
    try {
      locks.request(key, own({ ifAvailable: true }), granted).catch(refused);
    } catch {
      refused();
    }
  });
  const due = isDue();
  // IndexedDB takes as long as the lock.
  if (server && due) proof = prove(realm, key, /** @type {string} */ (refresh));
  return {
    lock,
    // The request's own continuation of the proof, which sends it, comes first.
    decided:
      due &&
      decided(
        lock.then((release) => release && proof),
        realm,
      ),
    take() {
      const taken = early;
      early = undefined;
      return taken;
    },
  };
}

/**
 * Resolves when the refresh was sent or refused, or after `TIMEOUT_MS`.
 *
 * @param {Promise<unknown>} sent
 * @param {import("./realm.js").Realm} realm
 */
function decided(sent, realm) {
  return new Promise((/** @type {(nothing: void) => void} */ end) => {
    const timer = realm.setTimeout(end, TIMEOUT_MS);
    sent.then(() => end(realm.clearTimeout(/** @type {never} */ (timer))));
  });
}

/**
 * Cancels an early refresh that no machine takes over. Releases the lock after the response, which sets the new cookie.
 *
 * @param {EarlyRefresh | undefined} earlyRefresh
 */
export async function cancelEarly(earlyRefresh) {
  const release = await earlyRefresh?.lock;
  await earlyRefresh?.take()?.answer.catch(() => {});
  release?.();
}
