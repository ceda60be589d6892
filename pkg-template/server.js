import { own } from "../src/host/own.js";
import { checkAuthentication, readClaims } from "./server/claims.js";
import { VerifyError } from "./server/errors.js";
import { readKeySet } from "./server/key-set.js";
import { followRevocations } from "./server/revocations.js";
import { isServerSecret } from "./server/secret.js";
import { sessionReader } from "./server/session-reader.js";
import { checkSignature, parseToken } from "./server/token.js";
import { createKeySetCache, placeOf } from "./verify/key-set-cache.js";

/** @typedef {import("./server/public-key.js").PublicKey} PublicKey */

export { isVerifyError, VerifyError } from "./server/errors.js";

/** The state of a verifier that follows no feed. */
const NO_FEED = Object.freeze({ live: false, since: null });

/** The sets of all verifiers: one that is created for each request fetches no more than one that is kept. */
const cache = /* @__PURE__ */ createKeySetCache({
  read: readKeySet,
  // The status of a redirect is none of a key set. `error` would do too, and Workers refuse it.
  init: { redirect: "manual" },
  // In Workers a request must not await what another one has sent.
  isPendingShared: () => globalThis.navigator?.userAgent !== "Cloudflare-Workers",
});

/**
 * @param {import("./server.js").VerifierOptions} options
 * @returns {import("./server.js").Verifier}
 */
export function createVerifier(options) {
  const given = own(options);
  const issuer = text(given.issuer, "issuer");
  const audience = text(given.audience, "audience");
  const maxAge = age(given.maxAge);
  const acrValues = acrs(given.acrValues);
  const base = issuer.replace(/\/$/, "");
  const findKey = keysOf(given.jwks ?? `${base}/.well-known/jwks.json`);
  const feed = given.revocations === undefined ? undefined : feedOf(given.revocations, base);
  return Object.freeze({
    /**
     * @param {import("./server.js").TokenSource} source
     * @param {import("./server.js").VerifyOptions} [changes]
     */
    async verify(source, changes) {
      const { maxAge: otherAge, acrValues: otherAcrs } = own(changes);
      const wanted = { maxAge: age(otherAge) ?? maxAge, acrValues: acrs(otherAcrs) ?? acrValues };
      const token = parseToken(tokenOf(source));
      await checkSignature(token, await findKey(token.keyId));
      const nowMs = Date.now();
      const claims = readClaims(token.claims, { issuer, audience, nowMs });
      if (feed?.has(claims)) throw new VerifyError("revoked");
      checkAuthentication(claims, wanted, nowMs);
      return claims;
    },
    live: () => feed?.live() ?? NO_FEED,
    /** @param {(revocation: import("./server.js").Revocation) => void} listener */
    onRevoked(listener) {
      if (!feed) throw new TypeError("revocations must be set for onRevoked");
      if (typeof listener !== "function") throw new TypeError("onRevoked takes a function");
      return feed.onRevoked(listener);
    },
    close: () => feed?.close(),
  });
}

/**
 * @param {import("./rendering.js").SessionReaderOptions} options
 * @returns {import("./rendering.js").SessionReader<never>}
 */
export function createSessionReader(options) {
  const reader = sessionReader(options, createVerifier(options));
  return /** @type {import("./rendering.js").SessionReader<never>} */ (reader);
}

/**
 * Follows the revocations of a URL, or of the auth server itself.
 *
 * @param {unknown} options
 * @param {string} issuer
 */
function feedOf(options, issuer) {
  const { secret, url = `${issuer}/auth/revocations` } = own(options);
  // The message must not repeat the secret.
  if (!isServerSecret(secret))
    throw new TypeError("revocations.secret must be one of the auth server's SERVER_SECRETS");
  if (typeof url !== "string" && !(url instanceof URL)) throw new TypeError("revocations.url must be a URL");
  return misconfiguredUnless("revocations.url", () => followRevocations(`${url}`, secret));
}

/**
 * Finds keys in a set that is given, or in the one of a URL.
 *
 * @param {unknown} jwks
 * @returns {(keyId: string) => PublicKey | Promise<PublicKey>}
 * @throws {TypeError} if it is neither
 */
function keysOf(jwks) {
  if (typeof jwks === "string" || jwks instanceof URL) {
    const url = misconfiguredUnless("jwks", () => placeOf(`${jwks}`));
    return (keyId) => fetchedKey(url, keyId);
  }
  const { keys } = own(jwks);
  if (!Array.isArray(keys)) throw new TypeError("jwks must be the URL of a JWK Set, or a JWK Set");
  // Nothing that a prototype has gets into the text.
  const entries = keys.map((key) => JSON.stringify(own(key)));
  const set = misconfiguredUnless("jwks", () => readKeySet(`{"keys":[${entries.join()}]}`));
  return (keyId) => known(set.get(keyId));
}

/**
 * Finds a key in the cached set; where that has none of the name, in a newer one.
 *
 * @param {string} url
 * @param {string} keyId
 */
async function fetchedKey(url, keyId) {
  const cached = await cache.cached(url).catch((cause) => {
    throw new VerifyError("no_keys", { cause });
  });
  return known(cached.get(keyId) ?? (await cache.refetched(url))?.get(keyId));
}

/** @param {PublicKey | undefined} key */
function known(key) {
  if (key === undefined) throw new VerifyError("unknown_key");
  return key;
}

/**
 * Returns the token itself, or the one in the `Authorization` header of a request (RFC 6750 §2.1).
 *
 * @param {import("./server.js").TokenSource} source
 * @returns {string}
 */
function tokenOf(source) {
  if (typeof source === "string") return source;
  const header = ("headers" in source ? source.headers : source).get("authorization");
  if (header === null) throw new VerifyError("missing");
  const blank = header.indexOf(" ");
  if (blank < 0) throw new VerifyError("malformed");
  if (header.slice(0, blank).toLowerCase() !== "bearer") throw new VerifyError("missing");
  return header.slice(blank + 1);
}

/**
 * @param {unknown} value
 * @param {string} option
 */
function text(value, option) {
  if (typeof value !== "string" || value === "") throw new TypeError(`${option} must be a text that is not empty`);
  return value;
}

/**
 * @param {unknown} value
 * @returns {readonly string[] | undefined}
 */
function acrs(value) {
  if (value === undefined) return undefined;
  // What a quoted string of the challenge has (RFC 9110 §5.6.4), and no blank, which separates values.
  const isValue = (/** @type {unknown} */ one) => typeof one === "string" && /^[!#-[\]-~]+$/.test(one);
  if (!Array.isArray(value) || !value.length || !value.every(isValue))
    throw new TypeError("acrValues must be a list of texts without blanks and quotes");
  return Object.freeze([...value]);
}

/** @param {unknown} value */
function age(value) {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new TypeError("maxAge must be a number of seconds");
  return Math.floor(value);
}

/**
 * @template Value
 * @param {string} option
 * @param {() => Value} read
 * @returns {Value}
 */
function misconfiguredUnless(option, read) {
  try {
    return read();
  } catch (cause) {
    throw new TypeError(`${option}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
