/** JWK Sets of auth servers, fetched and cached as the reference server's own verifier does. */

import { readerOf } from "../../src/host/own.js";

/** How long a set is used without asking again, where its `Cache-Control` does not say less. */
const FRESH_MS = 300_000;
/** The least that a `Cache-Control` can make of it, and how long must pass between two requests. */
const FETCH_EVERY_MS = 10_000;
/** How long a set is used while the auth server cannot be reached. */
const STALE_MS = 86_400_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 65_536;

/**
 * What is known of a URL. Moments are of `performance.now()`.
 *
 * @typedef {{ text?: string, fetchedAt: number, freshMs: number, triedAt: number, error?: unknown, pending?: Promise<void> | undefined }} Entry
 */

/** @type {Map<string, Entry>} */
const entries = new Map();

/**
 * Returns a key set that may be used now.
 *
 * @param {string} url
 * @returns {Promise<string>}
 * @throws where there is none
 */
export async function cachedKeys(url) {
  const entry = entryOf(url);
  const isFresh = entry.text !== undefined && performance.now() - entry.fetchedAt < entry.freshMs;
  if (!isFresh) {
    const fetching = fetchLately(url, entry);
    // The auth server is away: nothing waits for it any longer.
    if (entry.error === undefined || usable(entry) === undefined) await fetching;
  }
  const text = usable(entry);
  if (text === undefined) throw entry.error ?? new Error("the key set is too old to be used");
  return text;
}

/**
 * Returns a key set that was fetched after the cached one was found to lack a key, if it is time for that.
 *
 * @param {string} url
 * @returns {Promise<string | undefined>}
 */
export async function refetchedKeys(url) {
  const entry = entryOf(url);
  const before = entry.fetchedAt;
  await fetchLately(url, entry);
  return entry.fetchedAt > before ? usable(entry) : undefined;
}

/** @param {string} url */
function entryOf(url) {
  const href = placeOf(url);
  let entry = entries.get(href);
  if (!entry) {
    entry = { fetchedAt: 0, freshMs: 0, triedAt: Number.NEGATIVE_INFINITY };
    entries.set(href, entry);
  }
  return entry;
}

/** @param {Entry} entry */
function usable({ text, fetchedAt }) {
  return performance.now() - fetchedAt < STALE_MS ? text : undefined;
}

/**
 * Fetches the key set, unless the last attempt is recent; concurrent callers share one request. Never rejects.
 *
 * @param {string} url
 * @param {Entry} entry
 */
function fetchLately(url, entry) {
  if (!entry.pending && performance.now() - entry.triedAt >= FETCH_EVERY_MS) {
    entry.pending = fetchInto(entry, placeOf(url)).finally(() => {
      entry.triedAt = performance.now();
      entry.pending = undefined;
    });
  }
  return entry.pending;
}

/**
 * @param {Entry} entry
 * @param {string} href
 */
async function fetchInto(entry, href) {
  const startedAt = performance.now();
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(new Error("the key set did not come in time")), TIMEOUT_MS);
  try {
    const response = await fetch(href, {
      // A redirect would have another place say which keys count.
      redirect: "error",
      credentials: "omit",
      // A copy on the way would lengthen the life of a revoked key.
      cache: "no-cache",
      headers: { accept: "application/jwk-set+json, application/json" },
      signal: cut.signal,
    });
    if (response.status !== 200) throw new Error(`the key set was answered with status ${response.status}`);
    const text = await readLimited(response);
    Object.assign(entry, { text, fetchedAt: startedAt, freshMs: freshMs(response.headers), error: undefined });
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
 */
function placeOf(url) {
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
    if (size > MAX_BYTES) {
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
