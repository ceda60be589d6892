/** Waits for what a pop-up of the auth server reports. */

import { own } from "./own.js";

/** How often a pop-up is looked at, in milliseconds: no event tells that a window was closed. */
const CHECK_MS = 250;

/** How long a sign-in may take, in milliseconds: the auth server keeps its transaction for that long. */
const TIMEOUT_MS = 600_000;

/** What came of a pop-up: its message, or that it is closed or cannot be reached. @typedef {{ error?: unknown } | "closed"} Outcome */

/**
 * Waits for the message of the auth server's last page, or until the pop-up is closed.
 *
 * A page with `Cross-Origin-Opener-Policy` separates the pop-up from this page: then it looks closed while the user types. So it
 * counts as closed when this page has the focus again.
 *
 * @param {import("./realm.js").Realm} realm
 * @param {Window} popup
 * @param {string} origin of the auth server; messages of others are ignored
 * @param {string} provider
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Outcome>}
 */
export function outcomeOf(realm, popup, origin, provider, signal) {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const deadline = realm.performance.now() + TIMEOUT_MS;
    /** @type {unknown} */
    let timer;
    /** @param {() => void} settle */
    const end = (settle) => {
      controller.abort();
      realm.clearTimeout(/** @type {never} */ (timer));
      settle();
    };
    let wasClosed = false;
    const check = () => {
      // A window posts its message before it closes, and the message may arrive after that is known.
      if (wasClosed || realm.performance.now() > deadline) return end(() => resolve("closed"));
      wasClosed = popup.closed && hasFocus(realm);
      timer = realm.setTimeout(check, CHECK_MS);
    };
    timer = realm.setTimeout(check, CHECK_MS);
    const listening = own({ signal: controller.signal });
    const { addEventListener } = EventTarget.prototype;
    const onMessage = (/** @type {Event} */ event) => {
      const { source, origin: sender, data } = /** @type {MessageEvent} */ (event);
      if (source !== popup || sender !== origin) return;
      const { type, provider: named, error } = own(data);
      if (type === "nolapse:sign-in" && named === provider) end(() => resolve({ error }));
    };
    addEventListener.call(realm, "message", onMessage, listening);
    signal?.addEventListener("abort", () => end(() => reject(signal.reason)), listening);
  });
}

/**
 * Whether the user is at this page. Called on the prototype: markup like `<img name="hasFocus">` shadows the document's own method.
 *
 * @param {import("./realm.js").Realm} realm
 */
function hasFocus({ document }) {
  return document ? Document.prototype.hasFocus.call(document) : true;
}
