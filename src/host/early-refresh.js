/**
 * The first refresh of a page, begun while the module is still on its way: what the machine would order first is begun
 * for it, and handed over when it orders it.
 */

import { sendRefresh } from "./http.js";
import { own } from "./own.js";
import { isHidden } from "./lifecycle.js";
import { RecordStorage } from "./storage.js";

/**
 * A mark that says: somebody is signed in, the newest token is past its life, and the auth server needs no rest. Its
 * number is one that tabs give out (up to 2,000,001): of others the machine asks the other tabs first.
 */
const EXPIRED_MARK = /^nolapse1;1?\d{1,6};in;(\d{1,15});\d{1,10}$/;

/** How long to wait for the lock, which some browsers never give: in milliseconds. */
const LOCK_PATIENCE_MS = 50;

/**
 * @typedef {object} EarlyRefresh
 * @property {Promise<(() => void) | undefined>} lock what gives the lock back; nothing where another tab has it, or no refresh is due
 * @property {Promise<unknown> | false} decided what to wait for before the page is kept busy: else that delays the refresh
 * @property {() => EarlyRequest | undefined} take gives the request that was sent under the lock, once
 */

/** @typedef {{ answer: Promise<unknown>, controller: AbortController, sent: number }} EarlyRequest */

/**
 * Asks for the lock, which takes a browser longer than all the rest, and begins under it, where the mark then leaves no
 * doubt that a refresh is due and that no other tab can know of a living token.
 *
 * @param {import("./options.js").Settings} settings
 * @returns {EarlyRefresh | undefined}
 */
export function startEarly({ key, refresh }) {
  if (!globalThis.navigator?.locks) return undefined;
  const native = fetch;
  const isDue = () => {
    const expired = EXPIRED_MARK.exec(new RecordStorage(key).read())?.[1];
    return expired !== undefined && Number(expired) <= Date.now();
  };
  /** @type {EarlyRequest | undefined} */
  let early;
  /** @type {EarlyRefresh["lock"]} */
  const lock = new Promise((resolve) => {
    const refused = () => resolve(undefined);
    const granted = (/** @type {unknown} */ it) => {
      if (!it || !isDue()) return refused();
      const controller = new AbortController();
      const page = isHidden() ? "hidden" : "visible";
      const answer = sendRefresh(native, refresh, "load", page, 0, controller.signal);
      // Whoever takes it hears of its failure.
      answer.catch(() => {});
      early = { answer, controller, sent: performance.now() };
      return new Promise((/** @type {(nothing: void) => void} */ release) => resolve(release));
    };
    // Stolen, or refused: then there is no lock, which is nothing but a courtesy.
    try {
      navigator.locks.request(key, own({ ifAvailable: true }), granted).catch(refused);
    } catch {
      refused();
    }
  });
  return {
    lock,
    decided: isDue() && decided(lock),
    take() {
      const taken = early;
      early = undefined;
      return taken;
    },
  };
}

/**
 * Waits until it is clear whether there is a lock, or for as long as patience lasts.
 *
 * @param {Promise<unknown>} lock
 */
function decided(lock) {
  return new Promise((/** @type {(nothing: void) => void} */ end) => {
    const alarm = setTimeout(end, LOCK_PATIENCE_MS);
    lock.then(() => end(clearTimeout(alarm)));
  });
}

/**
 * Ends a head start that no machine takes over: the lock goes back when the answer, with its new cookie, is there.
 *
 * @param {EarlyRefresh | undefined} earlyRefresh
 */
export async function cancelEarly(earlyRefresh) {
  const release = await earlyRefresh?.lock;
  await earlyRefresh?.take()?.answer.catch(() => {});
  release?.();
}
