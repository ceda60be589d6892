/** Reads public keys of JWK Sets (RFC 7518 §6, RFC 8037 §2), by the rules of the Rust reader, `src/verify/public_key.rs`. */

import { base64url } from "jose";

import { isPublicKey } from "./ed25519.js";
import { member } from "./json.js";
import { isOnCurve } from "./p256.js";

/** An algorithm that access tokens are signed with. @typedef {"ES256" | "EdDSA" | "Ed25519" | "RS256"} Algorithm */

/** A public key as `jose` takes it, which caches what it imports by this object. @typedef {Readonly<Record<string, string>>} Jwk */

/**
 * A public key, the algorithms that it verifies by whatever a token says (RFC 8725 §3.1), and the bytes of its signatures.
 *
 * @typedef {{ jwk: Jwk, algorithms: readonly Algorithm[], signatureBytes: number }} PublicKey
 */

/** All of them: there is none with a shared secret. @type {readonly string[]} */
export const ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256"];

/** The bytes of a coordinate, and of a half of a signature. */
const COORDINATE_BYTES = 32;

/** The sizes of an RSA modulus: RFC 7518 §3.3 asks for 2,048 bits, and from 4,096 on a signature does not fit a token. */
const MODULUS_BITS = { least: 2_048, most: 4_096 };

/** The one public exponent of RSA that is taken, 65,537 (FIPS 186-5 §5.4). */
const EXPONENT = "AQAB";

/**
 * Reads a key of a set in its one canonical spelling; its `alg` restricts it.
 *
 * @param {{ [name: string]: unknown }} entry
 * @returns {PublicKey | undefined} nothing for a key that is of no use
 */
export function readPublicKey(entry) {
  const key = keyOf(entry);
  if (!key || !Object.hasOwn(entry, "alg")) return key;
  const algorithms = key.algorithms.filter((one) => one === entry.alg);
  return algorithms.length > 0 ? { ...key, algorithms } : undefined;
}

/**
 * @param {{ [name: string]: unknown }} entry
 * @returns {PublicKey | undefined}
 */
function keyOf(entry) {
  const [kty, crv] = [member(entry, "kty"), member(entry, "crv")];
  const [x, y] = [coordinate(entry, "x"), coordinate(entry, "y")];
  const signatureBytes = 2 * COORDINATE_BYTES;
  if (kty === "EC" && crv === "P-256" && x && y && isOnCurve(x.bytes, y.bytes))
    return { jwk: { kty, crv, x: x.text, y: y.text }, algorithms: ["ES256"], signatureBytes };
  if (kty === "OKP" && crv === "Ed25519" && x && isPublicKey(x.bytes))
    return { jwk: { kty, crv, x: x.text }, algorithms: ["EdDSA", "Ed25519"], signatureBytes };
  const n = decoded(entry, "n");
  if (kty === "RSA" && member(entry, "e") === EXPONENT && n && isModulus(n.bytes))
    return { jwk: { kty, n: n.text, e: EXPONENT }, algorithms: ["RS256"], signatureBytes: n.bytes.length };
  return undefined;
}

/** Says whether bytes are an odd number of an allowed size, without leading zeros. @param {Uint8Array} bytes */
function isModulus(bytes) {
  const [first = 0, last = 0] = [bytes[0], bytes.at(-1)];
  const bits = bytes.length * 8 - (Math.clz32(first) - 24);
  return first > 0 && last % 2 === 1 && bits >= MODULUS_BITS.least && bits <= MODULUS_BITS.most;
}

/** Reads a member of 32 bytes. @param {{ [name: string]: unknown }} entry @param {string} name */
function coordinate(entry, name) {
  const read = decoded(entry, name);
  return read?.bytes.length === COORDINATE_BYTES ? read : undefined;
}

/** Reads a member that is canonical base64url. @param {{ [name: string]: unknown }} entry @param {string} name */
function decoded(entry, name) {
  const text = member(entry, name);
  const bytes = typeof text === "string" ? decodeCanonical(text) : undefined;
  return typeof text === "string" && bytes ? { text, bytes } : undefined;
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
