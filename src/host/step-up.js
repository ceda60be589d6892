/** What is loaded when an API wants a recent or a stronger authentication (RFC 9470), if the app listens for that. */

import { own } from "./own.js";

/** @typedef {{ acrValues: readonly string[], maxAge: number | null }} Required */
/** @typedef {(event: Required & { waitUntil: (done: PromiseLike<unknown>) => void }) => void} Tell */

/** The step-ups under way, by the listeners and the challenge. @type {WeakMap<Tell, Map<string, Promise<boolean>>>} */
const pending = new WeakMap();

/**
 * Tells the app what a response requires, once for all calls with the same challenge. Resolves with whether the app has
 * waited for a step-up that succeeded.
 *
 * @param {Pick<Response, "headers">} response
 * @param {Tell} tell
 * @returns {Promise<boolean>}
 */
export async function steppedUp({ headers }, tell) {
  const challenge = headers.get("www-authenticate") ?? "";
  if (!/^bearer\s.*\berror="?insufficient_user_authentication"?/is.test(challenge)) return false;
  const waiting = pending.get(tell) ?? new Map();
  pending.set(tell, waiting);
  const found = waiting.get(challenge) ?? ask(challenge, tell).finally(() => waiting.delete(challenge));
  waiting.set(challenge, found);
  return found;
}

/**
 * @param {string} challenge
 * @param {Tell} tell
 */
async function ask(challenge, tell) {
  /** @type {PromiseLike<unknown>[]} */
  const waited = [];
  const parameter = (/** @type {string} */ name) =>
    new RegExp(`\\b${name}=(?:"([^"]*)"|([^\\s",]*))`, "i").exec(challenge)?.slice(1).find(Boolean);
  const maxAge = Number.parseInt(parameter("max_age") ?? "", 10);
  const event = own({
    acrValues: Object.freeze(parameter("acr_values")?.split(/\s+/) ?? []),
    maxAge: maxAge >= 0 ? maxAge : null,
    waitUntil: (/** @type {PromiseLike<unknown>} */ done) => void waited.push(done),
  });
  tell(/** @type {Parameters<Tell>[0]} */ (event));
  try {
    await Promise.all(waited);
    return waited.length > 0;
  } catch {
    // The listener has the error; the caller gets the response.
    return false;
  }
}
