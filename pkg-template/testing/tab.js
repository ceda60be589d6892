/** A simulated tab: the URL of its page, where that page has gone, its pop-up, and its `sessionStorage`. */

/** @typedef {import("../../src/host/realm.js").Realm} Realm */

export class SimulatedTab {
  /** The URL of the page. */
  url;
  /** The page. @type {EventTarget | undefined} */
  page;
  /** Where the page has gone. @type {string | undefined} */
  left;
  /** The pop-up that the page has opened last. @type {SimulatedPopup | undefined} */
  popup;
  #blocksPopups;
  /** @type {Map<string, string>} */
  #storage = new Map();

  /**
   * @param {string} url
   * @param {boolean} [blocksPopups]
   */
  constructor(url, blocksPopups = false) {
    this.url = url;
    this.#blocksPopups = blocksPopups;
  }

  /** What the page has of its tab. */
  get apis() {
    const tab = this;
    return {
      location: {
        get href() {
          return tab.url;
        },
        get origin() {
          return new URL(tab.url).origin;
        },
        get search() {
          return new URL(tab.url).search;
        },
        assign: (/** @type {string | URL} */ url) => {
          tab.left = String(url);
          queueMicrotask(() => tab.page?.dispatchEvent(new Event("pagehide")));
        },
      },
      history: {
        state: null,
        replaceState: (/** @type {unknown} */ _, /** @type {string} */ __, /** @type {string | URL} */ url) => {
          tab.url = new URL(url, tab.url).href;
        },
      },
      sessionStorage: simulatedStorage(this.#storage),
      open: () => {
        if (this.#blocksPopups) return null;
        this.popup = new SimulatedPopup();
        return /** @type {Window} */ (/** @type {unknown} */ (this.popup));
      },
    };
  }

  /** Where the user is asked to sign in: the URL that the page has gone to, or that of its pop-up. */
  get elsewhere() {
    return this.left ?? (this.popup?.closed ? undefined : this.popup?.url);
  }

  /** Loads another page. @param {string} url */
  load(url) {
    this.url = url;
    this.left = undefined;
    this.popup = undefined;
  }

  /** Shows the page again that was left, as the back button does; or closes its pop-up. */
  goBack() {
    if (this.left === undefined) return this.popup?.close();
    this.left = undefined;
    this.page?.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  }
}

/** The members of a pop-up's `Window` that the host uses. */
class SimulatedPopup {
  closed = false;
  /** Where it is. @type {string | undefined} */
  url;
  location = {
    replace: (/** @type {string} */ url) => {
      this.url = url;
    },
  };

  resizeTo() {}

  close() {
    this.closed = true;
  }
}

/**
 * Creates a `Storage` of a map.
 *
 * @param {Map<string, string>} entries
 * @returns {NonNullable<Realm["localStorage"]>}
 */
export function simulatedStorage(entries) {
  return {
    getItem: (key) => entries.get(key) ?? null,
    removeItem: (key) => void entries.delete(key),
    setItem: (key, value) => void entries.set(key, value),
  };
}
