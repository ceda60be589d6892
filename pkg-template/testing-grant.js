/** Reads what auth servers and apps say, as far as `nolapse/testing` needs it. */

import { own } from "./facade.js";

/** @typedef {import("./index.js").FailureCause} FailureCause */
/** @typedef {import("./index.js").Grant} Grant */

/** What the made-up auth server throws while it is in trouble. */
export class Trouble extends Error {
  /** @param {FailureCause} cause */
  constructor(cause) {
    super(cause);
    this.trouble = cause;
  }
}

/** @param {unknown} error @returns {FailureCause} */
export function causeOf(error) {
  return error instanceof Trouble ? error.trouble : "refresher_failed";
}

/**
 * Believes a grant, or says that it is none.
 *
 * @param {Grant} given
 * @returns {Grant}
 */
export function readGrant(given) {
  const grant = /** @type {Grant} */ (/** @type {unknown} */ (own(given)));
  const life = grant.expiresIn ?? claimedLife(grant.accessToken);
  const isToken = typeof grant.accessToken === "string" && /^[\x21-\x7e]+$/.test(grant.accessToken);
  if (!isToken || !(life >= 2 && life <= 604_800)) throw new Trouble("unexpected_answer");
  return { ...grant, expiresIn: life };
}

/** Reads `exp − iat` of a JWT. @param {unknown} token @returns {number} */
function claimedLife(token) {
  try {
    const { exp, iat } = own(
      JSON.parse(atob(String(token).split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "")),
    );
    return Number(exp) - Number(iat);
  } catch {
    return Number.NaN;
  }
}

/**
 * @param {{ id: string, user: unknown }} one
 * @param {{ id: string, user: unknown }} other
 */
export function isSameUser(one, other) {
  const [first, second] = [nameOf(one.user), nameOf(other.user)];
  return first === undefined && second === undefined ? one.id === other.id : first === second;
}

/** @param {unknown} user */
function nameOf(user) {
  const { id, sub } = own(user);
  return id ?? sub;
}

/**
 * Reads a token response (RFC 6749 §5.1).
 *
 * @param {unknown} answer
 * @throws where there is no usable token in it
 */
export function grantOf(answer) {
  const { access_token, token_type, expires_in, refresh_in, session } =
    /** @type {import("./index.js").TokenResponse} */ (/** @type {unknown} */ (own(answer)));
  if (token_type !== undefined && !/^bearer$/i.test(token_type)) throw new TypeError("the token is of another type");
  /** @type {import("./index.js").Grant} */
  const grant = { accessToken: access_token };
  if (expires_in !== undefined) grant.expiresIn = expires_in;
  if (refresh_in !== undefined) grant.refreshIn = refresh_in;
  grant.session = session ?? { id: "", user: null };
  return readGrant(grant);
}
