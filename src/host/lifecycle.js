/** The page's life cycle and its user's input. Never `unload` or `beforeunload`: they cost the back/forward cache. */

import {
  FROZEN,
  HIDDEN,
  LEFT,
  OFFLINE,
  ONLINE,
  PAGE_CHANGED,
  RESUMED,
  RETURNED,
  STORAGE_CHANGED,
  VISIBLE,
} from "./bridge.js";
import { own } from "./own.js";

/**
 * Whether the page cannot be seen; a worker is never hidden by itself. Read from the prototype: markup like
 * `<img name="hidden">` takes the place of the document's own property.
 */
export function isHidden() {
  const { document } = globalThis;
  return document ? Reflect.get(Document.prototype, "hidden", document) === true : false;
}

/**
 * Listens to whatever there is of a page.
 *
 * @param {string} key the mark's, whose changes by other tabs are heard of
 * @param {(kind: number, id: number) => void} feed
 * @param {() => void} touch hears of the user's input
 * @returns {() => void} what ends it
 */
export function watchLifecycle(key, feed, touch) {
  const controller = new AbortController();
  // Passive, and before anybody can stop the event.
  const options = own({ passive: true, capture: true, signal: controller.signal });
  const { addEventListener } = EventTarget.prototype;
  const on = (
    /** @type {object} */ target,
    /** @type {string} */ type,
    /** @type {(event: Event) => void} */ onCall,
  ) => {
    // Node's global object is none, and a worker has no document. The method is the prototype's, out of markup's reach.
    if (target instanceof EventTarget) addEventListener.call(target, type, onCall, options);
  };
  const changes = (/** @type {number} */ change) => () => feed(PAGE_CHANGED, change);

  const { document } = globalThis;
  on(document, "visibilitychange", () => feed(PAGE_CHANGED, isHidden() ? HIDDEN : VISIBLE));
  on(document, "freeze", changes(FROZEN));
  on(document, "resume", changes(RESUMED));
  on(document, "pointerdown", touch);
  on(document, "keydown", touch);
  on(globalThis, "pagehide", changes(LEFT));
  on(globalThis, "pageshow", (event) => {
    // A page that is shown for the first time has not returned from anywhere.
    if (/** @type {PageTransitionEvent} */ (event).persisted) feed(PAGE_CHANGED, RETURNED);
  });
  on(globalThis, "online", changes(ONLINE));
  on(globalThis, "offline", changes(OFFLINE));
  on(globalThis, "storage", (event) => {
    const changed = /** @type {StorageEvent} */ (event).key;
    // No key: all of them were cleared.
    if (changed === null || changed === key) feed(STORAGE_CHANGED, 0);
  });
  return () => controller.abort();
}
