/** Page lifecycle events and user input. Never `unload` or `beforeunload`: they disable the back/forward cache. */

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
} from "../generated/codes.js";
import { own } from "./own.js";

/**
 * Whether the page is hidden; a worker never is. Read through the prototype: markup like `<img name="hidden">` shadows the
 * document's own property.
 *
 * @param {import("./realm.js").Realm} realm
 */
export function isHidden({ document }) {
  return document ? Reflect.get(Document.prototype, "hidden", document) === true : false;
}

/**
 * Adds listeners for the lifecycle events that the platform supports.
 *
 * @param {import("./realm.js").Realm} realm
 * @param {string} key the storage key of the record, watched for changes by other tabs
 * @param {(kind: number, id: number) => void} feed
 * @param {() => void} touch called on user input
 * @returns {() => void} removes the listeners
 */
export function watchLifecycle(realm, key, feed, touch) {
  const controller = new AbortController();
  // Passive, and in the capture phase: no other listener can stop the event before.
  const options = own({ passive: true, capture: true, signal: controller.signal });
  const { addEventListener } = EventTarget.prototype;
  const on = (
    /** @type {unknown} */ target,
    /** @type {string} */ type,
    /** @type {(event: Event) => void} */ onCall,
  ) => {
    // Node's global object is no EventTarget, and a worker has no document. Markup cannot shadow the prototype's method.
    if (target instanceof EventTarget) addEventListener.call(target, type, onCall, options);
  };
  const changes = (/** @type {number} */ change) => () => feed(PAGE_CHANGED, change);

  const { document } = realm;
  on(document, "visibilitychange", () => feed(PAGE_CHANGED, isHidden(realm) ? HIDDEN : VISIBLE));
  on(document, "freeze", changes(FROZEN));
  on(document, "resume", changes(RESUMED));
  for (const type of ["pointerdown", "keydown", "wheel", "scroll", "touchmove"]) on(document, type, touch);
  on(realm, "pagehide", changes(LEFT));
  on(realm, "pageshow", (event) => {
    // `pageshow` also fires on the first load, which is no return from the back/forward cache.
    if (/** @type {PageTransitionEvent} */ (event).persisted) feed(PAGE_CHANGED, RETURNED);
  });
  on(realm, "online", changes(ONLINE));
  on(realm, "offline", changes(OFFLINE));
  on(realm, "storage", (event) => {
    const changed = /** @type {StorageEvent} */ (event).key;
    // A null key means that the storage was cleared.
    if (changed === null || changed === key) feed(STORAGE_CHANGED, 0);
  });
  return () => controller.abort();
}
