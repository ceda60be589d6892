/**
 * The first refresh of a page, begun while the module is still on its way: what the machine would order first is begun
 * for it, and handed over when it orders it.
 */

import { renew } from "./answers.js";

/** A mark that says: somebody is signed in, the newest token is past its life, and the auth server needs no rest. */
const EXPIRED_MARK = /^nolapse1;\d+;in;(\d+);\d+$/;

/**
 * @typedef {object} HeadStart
 * @property {Promise<(() => void) | undefined>} lock what gives the lock back; nothing where another tab has it
 * @property {() => Early | undefined} take gives the request that was sent under the lock, once
 */

/** @typedef {{ answer: Promise<unknown>, controller: AbortController, sent: number }} Early */

/**
 * Begins, where the mark leaves no doubt that a refresh is due and that no other tab can know of a living token.
 *
 * @param {import("./options.js").Settings} settings
 * @param {string | null} mark
 * @returns {HeadStart | undefined}
 */
export function begin({ key, refresh }, mark) {
  const expired = EXPIRED_MARK.exec(mark ?? "")?.[1];
  if (!expired || Number(expired) > Date.now() || !globalThis.navigator?.locks) return undefined;
  const native = fetch;
  /** @type {Early | undefined} */
  let early;
  /** @type {HeadStart["lock"]} */
  const lock = new Promise((resolve) => {
    const granted = (/** @type {unknown} */ it) => {
      if (!it) return resolve(undefined);
      const controller = new AbortController();
      const page = globalThis.document?.visibilityState ?? "visible";
      const answer = renew(native, refresh, "load", page, 0, controller.signal);
      // Whoever takes it hears of its failure.
      answer.catch(() => {});
      early = { answer, controller, sent: performance.now() };
      return new Promise((/** @type {(nothing: void) => void} */ giveBack) => resolve(giveBack));
    };
    // Stolen, or refused: then there is no lock, which is nothing but a courtesy.
    navigator.locks.request(key, { ifAvailable: true }, granted).catch(() => resolve(undefined));
  });
  return {
    lock,
    take() {
      const taken = early;
      early = undefined;
      return taken;
    },
  };
}

/**
 * Ends a head start that no machine takes over: the lock goes back when the answer, with its new cookie, is there.
 *
 * @param {HeadStart | undefined} headStart
 */
export async function abandon(headStart) {
  const giveBack = await headStart?.lock;
  await headStart?.take()?.answer.catch(() => {});
  giveBack?.();
}
