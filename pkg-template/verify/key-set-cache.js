/** Fetches and caches JWK Sets of auth servers as the reference server's own verifier does. */

import { readerOf } from "../../src/host/own.js";

/** How long a set is used without asking again, where its `Cache-Control` does not say less. */
const FRESH_MS = 300_000;
/** The least that a `Cache-Control` can make of it, and how long must pass between two requests. */
const FETCH_EVERY_MS = 10_000;
/** How long a set is used while the auth server cannot be reached. */
const STALE_MS = 86_400_000;
const TIMEOUT_MS = 5_000;

/** The largest set that is read. */
export const MAX_SET_BYTES = 65_536;

/**
 * What is known of a URL. Moments are of `performance.now()`.
 *
 * @template KeySet
 * @typedef {{ set?: KeySet, fetchedAt: number, freshMs: number, triedAt: number, error?: unknown, pending?: Promise<void> | undefined }} Entry
 */

/**
 * @template KeySet
 * @typedef {object} Settings
 * @property {(text: string) => KeySet} read parses a response's body; a set that it throws for counts as not fetched
 * @property {RequestInit} init how to fetch: a redirect must not be followed, because another place would say which keys count
 * @property {() => boolean} [isPendingShared] whether a call may await a request that another one has sent
 */

/**
 * Creates a cache of the sets of any number of URLs.
 *
 * @template KeySet
 * @param {Settings<KeySet>} settings
 */
export function createKeySetCache({ read, init, isPendingShared = () => true }) {
  /** @type {Map<string, Entry<KeySet>>} */
  const entries = new Map();

  /** @param {string} url */
  const entryOf = (url) => {
    const href = placeOf(url);
    let entry = entries.get(href);
    if (!entry) {
      entry = { fetchedAt: 0, freshMs: 0, triedAt: Number.NEGATIVE_INFINITY };
      entries.set(href, entry);
    }
    return entry;
  };

  /**
   * Fetches the key set, unless the last attempt is recent; concurrent callers share one request. Never rejects.
   *
   * @param {string} url
   * @param {Entry<KeySet>} entry
   */
  const fetchLately = (url, entry) => {
    if (entry.pending && !isPendingShared()) entry.pending = undefined;
    if (!entry.pending && performance.now() - entry.triedAt >= FETCH_EVERY_MS) {
      entry.pending = fetchInto(entry, placeOf(url), read, init).finally(() => {
        entry.triedAt = performance.now();
        entry.pending = undefined;
      });
    }
    return entry.pending;
  };

  return {
    /**
     * Returns a key set that may be used now.
     *
     * @param {string} url
     * @returns {Promise<KeySet>}
     * @throws where there is none
     */
    async cached(url) {
      const entry = entryOf(url);
      const isFresh = entry.set !== undefined && performance.now() - entry.fetchedAt < entry.freshMs;
      if (!isFresh) {
        const fetching = fetchLately(url, entry);
        // The auth server is away: nothing waits for it any longer.
        if (entry.error === undefined || usable(entry) === undefined) await fetching;
      }
      const set = usable(entry);
      if (set === undefined) throw entry.error ?? new Error("the key set is too old to be used");
      return set;
    },

    /**
     * Returns a key set that was fetched after the cached one was found to lack a key, if it is time for that.
     *
     * @param {string} url
     * @returns {Promise<KeySet | undefined>}
     */
    async refetched(url) {
      const entry = entryOf(url);
      const before = entry.fetchedAt;
      await fetchLately(url, entry);
      return entry.fetchedAt > before ? usable(entry) : undefined;
    },
  };
}

/**
 * @template KeySet
 * @param {Entry<KeySet>} entry
 */
function usable({ set, fetchedAt }) {
  return performance.now() - fetchedAt < STALE_MS ? set : undefined;
}

/**
 * @template KeySet
 * @param {Entry<KeySet>} entry
 * @param {string} href
 * @param {(text: string) => KeySet} read
 * @param {RequestInit} init
 */
async function fetchInto(entry, href, read, init) {
  const startedAt = performance.now();
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(new Error("the key set did not come in time")), TIMEOUT_MS);
  try {
    const headers = { accept: "application/jwk-set+json, application/json" };
    const response = await fetch(href, { ...init, headers, signal: cut.signal });
    if (response.status !== 200) throw new Error(`the key set was answered with status ${response.status}`);
    const set = read(await readLimited(response));
    Object.assign(entry, { set, fetchedAt: startedAt, freshMs: freshMs(response.headers), error: undefined });
  } catch (error) {
    entry.error = error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns where a key set is: https, the page's own origin, or this machine. A relative URL is one of the page, not of a
 * `<base>`, which markup can set.
 *
 * @param {string} url
 * @throws if the URL is none of these, or has credentials
 */
export function placeOf(url) {
  const page = globalThis.location?.href;
  const place = new URL(url, page);
  const isHere = page !== undefined && place.origin === new URL(page).origin;
  const isHttp = place.protocol === "http:" && (isHere || isThisMachine(place.hostname));
  if (place.protocol !== "https:" && !isHttp) throw new Error("the key set's URL must begin with https://");
  if (place.username || place.password) throw new Error("the key set's URL must have no user or password in it");
  place.hash = "";
  return place.href;
}

/** @param {string} host */
function isThisMachine(host) {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** @param {Response} response */
async function readLimited(response) {
  const reader = readerOf(response);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  let size = 0;
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
    if (!value) return text + decoder.decode();
    size += value.length;
    if (size > MAX_SET_BYTES) {
      // What the server says to being cut short is of no interest.
      reader?.cancel().catch(() => {});
      throw new Error("the key set is larger than 64 KiB");
    }
    text += decoder.decode(value, { stream: true });
  }
}

/**
 * Reads how long a response may be used (RFC 9111 §5.2.2), within bounds.
 *
 * @param {Headers} headers
 */
function freshMs(headers) {
  const directives = (headers.get("cache-control") ?? "").toLowerCase().split(",");
  const lives = directives.map((directive) => {
    if (/^\s*no-(store|cache)\s*$/.test(directive)) return 0;
    const age = /^\s*max-age="?(\d+)"?\s*$/.exec(directive)?.[1];
    return age === undefined ? FRESH_MS : Number(age) * 1_000;
  });
  return Math.max(Math.min(...lives, FRESH_MS), FETCH_EVERY_MS);
}
