/** Parsing of URL options, and the check of request URLs against the listed origins. */

/**
 * Parses an https URL, or http on loopback, without credentials; throws for any other.
 *
 * @param {string} text
 */
function secure(text) {
  const url = new URL(text);
  const isLoopback = /^(localhost|127\.0\.0\.1|\[::1\]|.*\.localhost)$/.test(url.hostname);
  const isSecure = url.protocol === "https:" || (url.protocol === "http:" && isLoopback);
  if (!isSecure || url.username || url.password) throw url;
  return url;
}

/**
 * Parses an option: an auth server's URL, the URL of an endpoint or its path on the page's own origin, or a bare origin.
 * Returns `undefined` if it is invalid.
 *
 * @param {string} text
 * @param {"server" | "endpoint" | "origin"} kind
 */
export function parseUrl(text, kind) {
  try {
    const isPath = kind === "endpoint" && /^\/(?!\/)/.test(text);
    const url = isPath ? new URL(text, location.origin) : secure(text);
    if (kind === "endpoint") return url.href;
    if (url.search || url.hash) return undefined;
    if (kind === "server") return url.origin + url.pathname.replace(/\/+$/, "");
    return url.pathname === "/" && !text.includes("*") ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

/** More distinct URLs than most apps call; above this, URLs are parsed again. */
const CAPACITY = 512;

/** The origins that may receive the token, with a cache of recent checks. */
export class Origins {
  #Native;
  #listed;
  /** @type {Map<string, boolean>} */
  #cache = new Map();

  /** @param {readonly string[]} listed besides the page's own */
  constructor(listed) {
    this.#Native = URL;
    this.#listed = [...listed, globalThis.location?.origin];
  }

  /**
   * Whether a call to this URL may carry the token. `undefined` if the text is no absolute HTTP URL: a relative one depends
   * on the document's base URL, which markup and scripts can change at any time, and which is never read here.
   *
   * @param {string} url
   */
  allows(url) {
    const known = this.#cache.get(url);
    if (known !== undefined) return known;
    if (!/^https?:\/\//.test(url)) return undefined;
    const origin = this.originOf(url);
    const isAllowed = origin !== undefined && this.#listed.includes(origin);
    if (this.#cache.size >= CAPACITY) this.#cache.clear();
    this.#cache.set(url, isAllowed);
    return isAllowed;
  }

  /**
   * Returns the origin of an absolute URL; `undefined` if it cannot be parsed.
   *
   * @param {string} url
   */
  originOf(url) {
    try {
      return new this.#Native(url).origin;
    } catch {
      return undefined;
    }
  }
}
