/** Reads JWK Sets (RFC 7517 §5). */

import { MAX_SET_BYTES } from "../verify/key-set-cache.js";
import { isObject, member, parseJson, pathOf } from "./json.js";
import { readPublicKey } from "./public-key.js";

/** @typedef {import("./public-key.js").PublicKey} PublicKey */

/** How many entries of a set are looked at, whatever they are. */
const MAX_ENTRIES = 100;
/** How many usable keys of a set are kept. */
const MAX_KEYS = 16;

/**
 * The members of private keys and of shared secrets (RFC 7518 §6.2.2, §6.3.2 and §6.4): a key that shows one is no longer
 * secret.
 */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** Public keys by name. @typedef {ReadonlyMap<string, PublicKey>} KeySet */

/**
 * Reads the named keys for signatures of a set, of P-256, Ed25519 and RSA.
 *
 * An entry that is of no use does not spoil the others, as RFC 7517 §5 asks: another `kty`, `crv`, `use`, `alg` or
 * `key_ops`, a member that is missing, doubled or of the wrong type, a private key, a point that is not on the curve, of
 * small order, or not in its canonical spelling, an RSA key of fewer than 2,048 or more than 4,096 bits or with another
 * exponent than 65,537. Where two usable entries with one `kid` are different keys, neither is taken.
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
    else if (JSON.stringify(known) !== JSON.stringify(read.key)) ambiguous.add(read.kid);
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
  if (!isObject(entry) || PRIVATE_MEMBERS.some((name) => Object.hasOwn(entry, name))) return undefined;
  const fits =
    (!Object.hasOwn(entry, "use") || entry.use === "sig") &&
    (!Object.hasOwn(entry, "key_ops") || mayVerify(entry.key_ops));
  const kid = member(entry, "kid");
  const key = fits ? readPublicKey(entry) : undefined;
  return typeof kid === "string" && key ? { kid, key } : undefined;
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
