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

/** A proof; empty if there is no key, `undefined` if that cannot be told. @typedef {string | undefined} Proof */

/**
 * Makes proofs for requests to one auth server.
 *
 * @param {import("./realm.js").Realm} realm
 * @param {string} name the session's
 */
export function deviceKey(realm, name) {
  const { indexedDB, crypto } = realm;
  const subtle = /** @type {SubtleCrypto} */ (crypto.subtle);

  /**
   * Runs one request in a transaction of its own.
   *
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(keys: IDBObjectStore) => IDBRequest<T>} ask
   * @returns {Promise<T>}
   */
  async function inStore(mode, ask) {
    const opening = /** @type {IDBFactory} */ (indexedDB).open("nolapse");
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    const database = await settled(opening);
    const keys = database.transaction("keys", mode).objectStore("keys");
    // Takes effect after the transaction.
    database.close();
    return settled(ask(keys));
  }

  /** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
  function settled(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = reject;
      realm.setTimeout(() => reject(), TIMEOUT_MS);
    });
  }

  /** @param {DeviceKey} key */
  const put = (key) => inStore("readwrite", (keys) => keys.put(key, name));

  /** Creates a key, unless another tab is first. @returns {Promise<DeviceKey>} */
  async function create() {
    const algorithm = own({ name: "ECDSA", namedCurve: "P-256" });
    const { privateKey, publicKey } = await subtle.generateKey(/** @type {never} */ (algorithm), false, ["sign"]);
    const { x, y } = await subtle.exportKey("jwk", publicKey);
    const jwk = { kty: "EC", crv: "P-256", x, y };
    const made = /** @type {DeviceKey} */ ([privateKey, encode({ typ: "dpop+jwt", alg: "ES256", jwk }), 0]);
    await inStore("readwrite", (keys) => {
      const found = keys.get(name);
      // In the same transaction.
      found.addEventListener("success", () => found.result ?? keys.put(made, name));
      return found;
    });
    return inStore("readonly", (keys) => keys.get(name));
  }

  /**
   * Makes a proof for a request.
   *
   * @param {string} url
   * @param {object} [how]
   * @param {string} [how.method]
   * @param {boolean | undefined} [how.isNew] whether to create a key if there is none
   * @param {{ dpop_nonce?: unknown, server_time?: unknown }} [how.challenge] what the server answered to the proof before
   * @returns {Promise<Proof>}
   */
  return async function prove(url, { method = "POST", isNew = false, challenge = {} } = {}) {
    if (!indexedDB || !subtle) return undefined;
    try {
      const read = () => inStore("readonly", (keys) => keys.get(name));
      /** @type {DeviceKey | undefined} */
      const found = (await read()) ?? (isNew ? await create() : undefined);
      if (!found) return "";
      const { dpop_nonce: nonce, server_time: serverTime } = challenge;
      const now = realm.Date.now();
      if (typeof serverTime === "number") {
        found[2] = serverTime * 1_000 - now;
        // The proof is good without it, too.
        await put(found).catch(() => {});
      }
      const [key, header, skew] = found;
      const random = new Uint32Array(4);
      crypto.getRandomValues(random);
      const jti = encode([...random]);
      const claims = { jti, htm: method, htu: url, iat: Math.floor((now + skew) / 1_000), nonce };
      const text = `${header}.${encode(claims)}`;
      const algorithm = own({ name: "ECDSA", hash: "SHA-256" });
      const signature = await subtle.sign(/** @type {never} */ (algorithm), key, new TextEncoder().encode(text));
      return `${text}.${base64url(String.fromCharCode(...new Uint8Array(signature)))}`;
    } catch {
      // Blocked, full, broken or too slow.
      return undefined;
    }
  };
}

/** @param {unknown} value */
function encode(value) {
  return base64url(JSON.stringify(value));
}

/** @param {string} text of Latin-1 characters */
function base64url(text) {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
