/** Forged tokens, as those of `www-demo/server/tests/tokens`. */

import { createECDH, createPrivateKey, createPublicKey, generateKeyPairSync, sign as signBytes } from "node:crypto";

export const ISSUER = "https://auth.example.com";
export const AUDIENCE = "https://api.example.com";

/** The moment of the tests, in seconds since 1970. */
export const NOW = 1_800_000_000;

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

/** An algorithm of access tokens. @typedef {"ES256" | "EdDSA" | "Ed25519" | "RS256"} Algorithm */

/** All of them, the default of the server first. @type {readonly Algorithm[]} */
export const ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256"];

/** @typedef {ReturnType<typeof forgerOf>} Forger */

/** Keys of RSA by seed: there is none that is made of one. @type {Map<number, import("node:crypto").KeyObject>} */
const rsaKeys = new Map();

/** @param {string | Buffer} part */
export function encode(part) {
  return Buffer.from(part).toString("base64url");
}

/**
 * The private key with a seed of that byte.
 *
 * @param {Algorithm} alg
 * @param {number} seed
 */
function privateKeyOf(alg, seed) {
  if (alg === "RS256") {
    const key = rsaKeys.get(seed) ?? generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
    rsaKeys.set(seed, key);
    return key;
  }
  if (alg === "ES256") {
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(Buffer.alloc(32, seed));
    const point = ecdh.getPublicKey();
    const [x, y] = [encode(point.subarray(1, 33)), encode(point.subarray(33))];
    const d = encode(Buffer.alloc(32, seed));
    return createPrivateKey({ key: { kty: "EC", crv: "P-256", x, y, d }, format: "jwk" });
  }
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, seed)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/**
 * What signs with the keys of one algorithm.
 *
 * @param {Algorithm} alg
 */
export function forgerOf(alg) {
  const HEADER = Object.freeze({ alg, typ: "at+jwt", kid: "k1" });

  /** @param {number} seed */
  const keyOf = (seed) => privateKeyOf(alg, seed);

  /**
   * The public key of that seed.
   *
   * @param {number} [seed]
   * @returns {{ [name: string]: unknown }}
   */
  const jwkOf = (seed = 7) => ({ ...createPublicKey(keyOf(seed)).export({ format: "jwk" }), kid: "k1" });

  /**
   * @param {string} message
   * @param {number} [seed]
   */
  const signatureOf = (message, seed = 7) =>
    signBytes(alg === "ES256" || alg === "RS256" ? "sha256" : null, Buffer.from(message), {
      key: keyOf(seed),
      dsaEncoding: "ieee-p1363",
    });

  /**
   * Signs a message of two segments.
   *
   * @param {string} message
   * @param {number} [seed]
   */
  const withSignature = (message, seed) => `${message}.${encode(signatureOf(message, seed))}`;

  /**
   * Signs these texts or bytes as header and claims, whatever they are.
   *
   * @param {string | Buffer} header
   * @param {string | Buffer} claims
   */
  const sign = (header, claims) => withSignature(`${encode(header)}.${encode(claims)}`);

  /**
   * Signs a token of the good header and claims with changes; `undefined` leaves a member out.
   *
   * @param {{ [name: string]: unknown }} [header]
   * @param {{ [name: string]: unknown }} [claims]
   */
  const forge = (header = {}, claims = {}) =>
    sign(JSON.stringify({ ...HEADER, ...header }), JSON.stringify({ ...CLAIMS, ...claims }));

  /** The two segments of a token that are signed. @param {{ [name: string]: unknown }} [header] */
  const messageOf = (header = {}) => forge(header).split(".").slice(0, 2).join(".");

  return Object.freeze({ alg, HEADER, keyOf, jwkOf, signatureOf, withSignature, sign, forge, messageOf });
}

/** What signs by the default algorithm of the server, for all that is not about one. */
export const { HEADER, jwkOf, withSignature, sign, forge } = forgerOf("ES256");
