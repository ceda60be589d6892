/** Reads the claims of a verified token, and compares them with what is expected (RFC 9068 §2.2, §4). */

import { VerifyError } from "./errors.js";
import { member } from "./json.js";

/** How far the issuer's clock may be ahead, in seconds: leeway on `iat` and `nbf`. There is none on `exp`. */
const CLOCK_SKEW_SECONDS = 5;

/** The last second that a `Date` can name; a later one is no time. */
const LAST_SECOND = 8_640_000_000_000;

/** Claims that must be there, as texts. */
const TEXTS = ["iss", "sub", "sid", "jti", "client_id", "role"];

/** An object parsed from JSON. @typedef {{ [name: string]: unknown }} Json */

/**
 * Checks required claims, issuer, audience and times.
 *
 * @param {Json} given
 * @param {{ issuer: string, audience: string, nowMs: number }} expected
 * @returns {import("../claims.js").Claims} without a prototype, so that a polluted one adds no claim
 * @throws {VerifyError} for the first rule that the claims break
 */
export function readClaims(given, { issuer, audience, nowMs }) {
  for (const name of TEXTS) requireText(given, name);
  for (const name of ["context", "acr"]) if (Object.hasOwn(given, name)) requireText(given, name);
  if (Object.hasOwn(given, "amr")) requireTexts(given, "amr");
  requireTimeIfThere(given, "auth_time");
  // Fractions count against the token (RFC 7519 §2 allows them).
  const begins = Math.ceil(Math.max(timeOf(given, "iat"), requireTimeIfThere(given, "nbf") ?? 0));
  const ends = Math.floor(timeOf(given, "exp"));
  const aud = audiencesOf(member(given, "aud"));
  if (given.iss !== issuer) throw new VerifyError("issuer");
  if (!aud.includes(audience)) throw new VerifyError("audience");
  const now = Math.floor(nowMs / 1_000);
  if (ends <= begins || now >= ends) throw new VerifyError("expired");
  if (begins > now + CLOCK_SKEW_SECONDS) throw new VerifyError("early");
  const claims = { __proto__: null, ...given, aud: Object.freeze(aud) };
  return Object.freeze(/** @type {import("../claims.js").Claims} */ (/** @type {unknown} */ (claims)));
}

/**
 * Checks how recently and how strongly the user was authenticated (RFC 9470). A token without a claim that is wanted does not do.
 *
 * @param {import("../claims.js").Claims} claims
 * @param {{ maxAge?: number | undefined, acrValues?: readonly string[] | undefined }} wanted
 * @param {number} nowMs
 */
export function checkAuthentication({ auth_time, acr }, { maxAge, acrValues }, nowMs) {
  const isOld = auth_time === undefined || nowMs - Math.floor(auth_time) * 1_000 > Number(maxAge) * 1_000;
  const isWeak = acrValues !== undefined && (acr === undefined || !acrValues.includes(acr));
  if ((maxAge !== undefined && isOld) || isWeak)
    throw new VerifyError("insufficient_user_authentication", { maxAge, acrValues });
}

/**
 * Requires a text of at least one character, without control characters: names end up in logs and in keys of databases.
 *
 * @param {Json} given
 * @param {string} name
 */
function requireText(given, name) {
  if (!isName(member(given, name))) throw malformed();
}

/**
 * Requires a list of such texts.
 *
 * @param {Json} given
 * @param {string} name
 */
function requireTexts(given, name) {
  const texts = member(given, name);
  if (!Array.isArray(texts) || !texts.every(isName)) throw malformed();
}

/** @param {unknown} text */
function isName(text) {
  return typeof text === "string" && text !== "" && !Array.from(text).some(isAsciiControl);
}

/** @param {string} character */
function isAsciiControl(character) {
  return character < " " || character === "\x7f";
}

/**
 * @param {Json} given
 * @param {string} name
 */
function timeOf(given, name) {
  const time = requireTimeIfThere(given, name);
  if (time === undefined) throw malformed();
  return time;
}

/**
 * @param {Json} given
 * @param {string} name
 */
function requireTimeIfThere(given, name) {
  if (!Object.hasOwn(given, name)) return undefined;
  const time = given[name];
  if (typeof time !== "number" || !(time >= 0 && time <= LAST_SECOND)) throw malformed();
  return time;
}

/**
 * Reads `aud`, one text or a list of texts.
 *
 * @param {unknown} aud
 * @returns {string[]}
 */
function audiencesOf(aud) {
  const list = Array.isArray(aud) ? aud : [aud];
  if (!list.every((one) => typeof one === "string")) throw malformed();
  return list;
}

function malformed() {
  return new VerifyError("malformed");
}
