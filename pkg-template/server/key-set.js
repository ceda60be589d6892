/** Reads JWK Sets (RFC 7517 §5). */

import { base64url } from "jose";

import { MAX_SET_BYTES } from "../verify/key-set-cache.js";
import { isPublicKey } from "./ed25519.js";
import { isObject, member, parseJson, pathOf } from "./json.js";

/** How many entries of a set are looked at, whatever they are. */
const MAX_ENTRIES = 100;
/** How many usable keys of a set are kept. */
const MAX_KEYS = 16;

/** A public key; `jose` caches what it imports by this object. @typedef {{ kty: "OKP", crv: "Ed25519", x: string }} PublicKey */

/** Public keys by name. @typedef {ReadonlyMap<string, PublicKey>} KeySet */

/**
 * Reads the named Ed25519 keys for signatures of a set.
 *
 * An entry that is of no use does not spoil the others, as RFC 7517 §5 asks: another `kty`, `crv`, `use`, `alg` or
 * `key_ops`, a member that is missing, doubled or of the wrong type, a private key, a point that is not on the curve, of
 * small order, or not in its canonical spelling. Where two usable entries with one `kid` are different keys, neither is taken.
 *
 * @param {string} text
 * @returns {KeySet}
 * @throws where the text is no JWK Set
 */
export function readKeySet(text) {
  if (new TextEncoder().encode(text).length > MAX_SET_BYTES) throw new Error("the key set is larger than 64 KiB");
  const { value, doubled } = parseJson(text);
  const entries = isObject(value) ? member(value, "keys") : undefined;
  if (!Array.isArray(entries) || doubled.has(pathOf())) throw new Error("the key set is no JWK Set");
  /** @type {Map<string, PublicKey>} */
  const keys = new Map();
  const ambiguous = new Set();
  for (const [index, entry] of entries.slice(0, MAX_ENTRIES).entries()) {
    const read = doubled.has(pathOf("keys", index)) ? undefined : readKey(entry);
    if (!read) continue;
    const known = keys.get(read.kid);
    if (known === undefined) keys.set(read.kid, read.key);
    else if (known.x !== read.key.x) ambiguous.add(read.kid);
  }
  return new Map([...keys].filter(([kid]) => !ambiguous.has(kid)).slice(0, MAX_KEYS));
}

/**
 * Reads an entry that may verify signatures of tokens.
 *
 * @param {unknown} entry
 * @returns {{ kid: string, key: PublicKey } | undefined}
 */
function readKey(entry) {
  if (!isObject(entry) || Object.hasOwn(entry, "d")) return undefined;
  /** @param {string} name @param {string} text */
  const isOrMissing = (name, text) => !Object.hasOwn(entry, name) || entry[name] === text;
  const fits =
    member(entry, "kty") === "OKP" &&
    member(entry, "crv") === "Ed25519" &&
    isOrMissing("use", "sig") &&
    isOrMissing("alg", "Ed25519") &&
    (!Object.hasOwn(entry, "key_ops") || mayVerify(entry.key_ops));
  const [kid, x] = [member(entry, "kid"), member(entry, "x")];
  if (!fits || typeof kid !== "string" || typeof x !== "string") return undefined;
  const bytes = decodeCanonical(x);
  return bytes && isPublicKey(bytes) ? { kid, key: { kty: "OKP", crv: "Ed25519", x } } : undefined;
}

/**
 * Says whether `key_ops` (RFC 7517 §4.3) is a list of texts, none twice, that has `verify`.
 *
 * @param {unknown} operations
 */
function mayVerify(operations) {
  if (!Array.isArray(operations) || !operations.every((one) => typeof one === "string")) return false;
  return new Set(operations).size === operations.length && operations.includes("verify");
}

/**
 * Decodes base64url without padding in its one canonical spelling (RFC 4648 §3.5).
 *
 * @param {string} text
 * @returns {Uint8Array | undefined} nothing for another spelling
 */
export function decodeCanonical(text) {
  try {
    const bytes = base64url.decode(text);
    return base64url.encode(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
