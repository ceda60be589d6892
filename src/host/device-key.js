/** The key that the sessions of this browser are bound to, in IndexedDB for all tabs, and proofs that it is here (RFC 9449). */

import { own } from "./own.js";

/** How long to wait for IndexedDB, which some browsers never open, in milliseconds. */
const TIMEOUT_MS = 2_000;

/**
 * A key as it is stored: the private key, which cannot be exported, the header of its proofs, and by how many milliseconds the
 * server's clock is ahead of this browser's.
 *
 * @typedef {[key: CryptoKey, header: string, skew: number]} DeviceKey
 */

/**
 * The server's time when this page's steady clock was 0, in milliseconds. Kept, so that a wall clock that jumps changes no proof.
 *
 * @type {number | undefined}
 */
let origin;

/** A proof; empty if there is no key, `undefined` if that cannot be told. @typedef {string | undefined} Proof */

/**
 * Makes a proof for a request. Positional arguments: a polluted `Object.prototype` is no option.
 *
 * @param {import("./realm.js").Realm} realm
 * @param {string} name the session's
 * @param {string} url
 * @param {boolean} [isNew] whether to create a key if there is none
 * @param {import("./own.js").Fields} [challenge] what the server answered to the proof before
 * @param {string} [method]
 * @returns {Promise<Proof>}
 */
export async function prove(realm, name, url, isNew, challenge, method = "POST") {
  const { indexedDB, crypto } = realm;
  const { subtle } = crypto;
  if (!indexedDB || !subtle) return undefined;

  /** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = reject;
      realm.setTimeout(/** @type {() => void} */ (reject), TIMEOUT_MS);
    });

  /**
   * Reads the key in a transaction of its own, after it has written one, unless another tab was first.
   *
   * @param {DeviceKey} [key]
   * @param {boolean} [isChanged] whether to replace the one that is there
   * @returns {Promise<DeviceKey | undefined>}
   */
  const stored = async (key, isChanged) => {
    const opening = indexedDB.open("nolapse");
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    const database = await settled(opening);
    const keys = database.transaction("keys", key ? "readwrite" : "readonly").objectStore("keys");
    // Takes effect after the transaction.
    database.close();
    const found = await settled(keys.get(name));
    if (!key || (found && !isChanged)) return found;
    await settled(keys.put(key, name));
    return key;
  };

  try {
    const key =
      (await stored()) ?? (isNew ? await stored(await (await import("./new-key.js")).createKey(subtle)) : undefined);
    if (!key) return "";
    const wall = realm.Date.now();
    const steady = realm.performance.now();
    const { dpop_nonce: nonce, server_time: serverTime } = own(challenge);
    if (typeof serverTime === "number") {
      key[2] = serverTime * 1_000 - wall;
      origin = undefined;
      // The proof is good without it, too.
      await stored(key, true).catch(() => {});
    }
    const random = new Uint32Array(4);
    crypto.getRandomValues(random);
    origin ??= wall + key[2] - steady;
    const iat = Math.floor((origin + steady) / 1_000);
    const claims = own({ jti: `${random}`, htm: method, htu: url, iat, nonce });
    const text = `${key[1]}.${base64url(JSON.stringify(claims))}`;
    const signature = await subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key[0], new TextEncoder().encode(text));
    return `${text}.${base64url(String.fromCharCode(...new Uint8Array(signature)))}`;
  } catch {
    // Blocked, full, broken or too slow.
    return undefined;
  }
}

/** @param {string} text of Latin-1 characters */
export function base64url(text) {
  return btoa(text).replace(/[+/=]/g, (found) => ({ "+": "-", "/": "_" })[found] ?? "");
}
