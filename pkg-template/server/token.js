/** Reads access tokens (RFC 9068) by the rules of the Rust reader, `src/verify.rs`. */

import { compactVerify, errors } from "jose";

import { isOfSmallOrder } from "./ed25519.js";
import { VerifyError } from "./errors.js";
import { isObject, member, parseJson } from "./json.js";
import { ALGORITHMS, decodeCanonical } from "./public-key.js";

/** The largest token that is looked at, in bytes. Those of the reference server have about 500. */
const MAX_TOKEN_BYTES = 4_096;
/** The largest `kid`, in bytes. */
const MAX_KEY_ID_BYTES = 256;

/**
 * The header parameters of an access token. Any other is refused: `jwk`, `jku`, `x5u` and `x5c` bring a key along, `crit`,
 * `b64` and `zip` ask for another way of reading (RFC 7515 §4.1, RFC 7797, RFC 7516 §4.1.3).
 */
const HEADER_PARAMETERS = ["alg", "typ", "kid"];

/** RFC 9068 §2.1; media types are compared without regard to case (RFC 7515 §4.1.9). */
const TYPES = ["at+jwt", "application/at+jwt"];

/** A token whose form and header are right, and whose signature has not been looked at. @typedef {ReturnType<typeof parseToken>} UnverifiedToken */

/**
 * Reads size, segments, encoding, JSON and header of a token.
 *
 * @param {string} text
 * @throws {VerifyError} for the first rule that the token breaks
 */
export function parseToken(text) {
  // A text has at least as many bytes as code units: a huge one is not encoded.
  if (text.length > MAX_TOKEN_BYTES || sizeOf(text) > MAX_TOKEN_BYTES) throw new VerifyError("oversize");
  const [first, second, third, ...more] = text.split(".");
  if (first === undefined || second === undefined || third === undefined || more.length > 0) throw malformed();
  const [header, claims] = [decodeObject(first), decodeObject(second)];
  const signature = decodeCanonical(third);
  if (signature === undefined) throw malformed();
  return { text, ...readHeader(header), claims, signature };
}

/**
 * Checks the signature of a token with a public key.
 *
 * @param {UnverifiedToken} token
 * @param {import("./public-key.js").PublicKey} key
 * @throws {VerifyError} where it is not that key's, by an algorithm of the key
 */
export async function checkSignature({ text, algorithm, signature }, { jwk, algorithms, signatureBytes }) {
  if (!algorithms.some((one) => one === algorithm)) throw new VerifyError("algorithm");
  // Web Crypto may accept an R of small order, which fits more than one message.
  const isWeak = jwk.kty === "OKP" && isOfSmallOrder(signature.subarray(0, 32));
  if (signature.length !== signatureBytes || isWeak) throw new VerifyError("signature");
  try {
    await compactVerify(text, jwk, { algorithms: [algorithm] });
  } catch (cause) {
    if (cause instanceof errors.JWSSignatureVerificationFailed) throw new VerifyError("signature");
    throw cause;
  }
}

/**
 * Decodes a segment: canonical base64url of a JSON object in UTF-8 that names no member twice, at any depth.
 *
 * @param {string} segment
 */
function decodeObject(segment) {
  const bytes = decodeCanonical(segment);
  if (bytes === undefined) throw malformed();
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const { value, doubled } = parseJson(text);
    if (isObject(value) && doubled.size === 0) return value;
  } catch {
    // Refused below: what is wrong with the bytes may repeat a part of the token.
  }
  throw malformed();
}

/**
 * Checks a header and returns its `alg` and `kid`.
 *
 * @param {{ [name: string]: unknown }} header
 */
function readHeader(header) {
  const [alg, typ, kid] = ["alg", "typ", "kid"].map((name) => member(header, name));
  if (typeof alg !== "string") throw malformed();
  if (!ALGORITHMS.includes(alg)) throw new VerifyError("algorithm");
  if (typeof typ !== "string" || !TYPES.includes(typ.toLowerCase())) throw new VerifyError("type");
  if (Object.keys(header).some((name) => !HEADER_PARAMETERS.includes(name))) throw new VerifyError("header");
  if (typeof kid !== "string" || sizeOf(kid) > MAX_KEY_ID_BYTES) throw malformed();
  return { algorithm: alg, keyId: kid };
}

/** @param {string} text */
function sizeOf(text) {
  return new TextEncoder().encode(text).length;
}

function malformed() {
  return new VerifyError("malformed");
}
