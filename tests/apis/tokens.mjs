/** Forged tokens, as those of `www-demo/server/tests/tokens`. */

import { createPrivateKey, createPublicKey, sign as signBytes } from "node:crypto";

export const ISSUER = "https://auth.example.com";
export const AUDIENCE = "https://api.example.com";

/** The moment of the tests, in seconds since 1970. */
export const NOW = 1_800_000_000;

export const HEADER = Object.freeze({ alg: "Ed25519", typ: "at+jwt", kid: "k1" });
export const CLAIMS = Object.freeze({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: "u",
  sid: "s",
  jti: "j",
  client_id: "web",
  role: "member",
  iat: NOW,
  nbf: NOW,
  exp: NOW + 60,
});

/**
 * The key with a seed of that byte.
 *
 * @param {number} seed
 */
export function keyOf(seed) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, seed)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/**
 * The public key of that seed.
 *
 * @param {number} [seed]
 * @returns {{ [name: string]: unknown }}
 */
export function jwkOf(seed = 7) {
  return { ...createPublicKey(keyOf(seed)).export({ format: "jwk" }), kid: "k1" };
}

/** @param {string | Buffer} part */
export function encode(part) {
  return Buffer.from(part).toString("base64url");
}

/**
 * Signs a message of two segments.
 *
 * @param {string} message
 * @param {number} [seed]
 */
export function withSignature(message, seed = 7) {
  return `${message}.${encode(signBytes(null, Buffer.from(message), keyOf(seed)))}`;
}

/**
 * Signs these texts or bytes as header and claims, whatever they are.
 *
 * @param {string | Buffer} header
 * @param {string | Buffer} claims
 */
export function sign(header, claims) {
  return withSignature(`${encode(header)}.${encode(claims)}`);
}

/**
 * Signs a token of the good header and claims with changes; `undefined` leaves a member out.
 *
 * @param {{ [name: string]: unknown }} [header]
 * @param {{ [name: string]: unknown }} [claims]
 */
export function forge(header = {}, claims = {}) {
  return sign(JSON.stringify({ ...HEADER, ...header }), JSON.stringify({ ...CLAIMS, ...claims }));
}
