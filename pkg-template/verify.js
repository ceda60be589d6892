import { createEntry, messageOf, SessionError } from "./facade.js";
import { cachedKeys, refetchedKeys } from "./verify/key-sets.js";
import * as glue from "./nolapse_verify.js";

export { isSessionError, SessionEnded, SessionError } from "./facade.js";

const { createSession, loadOnce } = /* @__PURE__ */ createEntry(
  glue,
  () => new URL("nolapse_verify_bg.wasm", import.meta.url),
);

export { createSession };

/**
 * @param {Pick<import("./index.js").Session, "getToken">} session
 * @param {import("./verify.js").ClaimsOptions} options
 * @returns {Promise<import("./verify.js").Claims>}
 */
export async function claims(session, options) {
  const issuer = text(options, "issuer");
  const audience = text(options, "audience");
  const jwks = own(options, "jwks");
  if (typeof jwks !== "string" && !(jwks instanceof URL) && !isSet(jwks)) {
    throw misconfigured("jwks", "must be the URL of a JWK Set, or a JWK Set");
  }
  const [token] = await Promise.all([session.getToken(), loadOnce()]);
  try {
    if (isSet(jwks)) {
      glue.verifyToken(token, spell(jwks), issuer, audience);
    } else {
      await verifyWithFetched(token, `${jwks}`, issuer, audience);
    }
  } catch (cause) {
    throw new SessionError("misconfigured", messageOf(cause), { cause });
  }
  return read(token);
}

/**
 * Verifies with the cached key set; where that has no key of the token's name, with a newer one.
 *
 * @param {string} token
 * @param {string} url
 * @param {string} issuer
 * @param {string} audience
 */
async function verifyWithFetched(token, url, issuer, audience) {
  try {
    glue.verifyToken(token, await cachedKeys(url), issuer, audience);
  } catch (refusal) {
    const newer = codeOf(refusal) === "unknown_key" ? await refetchedKeys(url) : undefined;
    if (newer === undefined) throw refusal;
    glue.verifyToken(token, newer, issuer, audience);
  }
}

/**
 * Reads the claims of a token that has been verified: its JSON is known to be sound, and to name no member twice.
 *
 * @param {string} token
 * @returns {import("./verify.js").Claims}
 */
function read(token) {
  const segment = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(segment), (character) => character.charCodeAt(0));
  const said = JSON.parse(new TextDecoder().decode(bytes));
  return { ...said, aud: [said.aud].flat() };
}

/** @param {unknown} value @returns {value is { keys: readonly object[] }} */
function isSet(value) {
  return Array.isArray(own(value, "keys"));
}

/**
 * Writes a JWK Set; nothing that a prototype has gets into it.
 *
 * @param {{ keys: readonly object[] }} set
 */
function spell(set) {
  return `{"keys":[${set.keys.map((key) => JSON.stringify({ __proto__: null, ...key })).join()}]}`;
}

/**
 * Reads a member of an object itself, not of its prototypes, which any script of the page can change.
 *
 * @param {unknown} object
 * @param {string} name
 * @returns {unknown}
 */
function own(object, name) {
  return typeof object === "object" && object && Object.hasOwn(object, name)
    ? /** @type {{ [name: string]: unknown }} */ (object)[name]
    : undefined;
}

/**
 * @param {unknown} options
 * @param {string} name
 */
function text(options, name) {
  const value = own(options, name);
  if (typeof value !== "string" || value === "") throw misconfigured(name, "must be a text that is not empty");
  return value;
}

/**
 * @param {string} option
 * @param {string} expected
 */
function misconfigured(option, expected) {
  return new SessionError("misconfigured", `${option} ${expected}`, { option });
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
