/** Why a request is refused, and the response that says so (RFC 6750 §3, RFC 9470 §3). */

/** @typedef {import("../server.js").VerifyErrorCode} VerifyErrorCode */

/** How many seconds a client should wait where the keys cannot be fetched. */
const RETRY_AFTER_SECONDS = 5;

/** The messages by code; they are fixed, so that no part of a token is repeated. @type {Readonly<Record<VerifyErrorCode, string>>} */
const MESSAGES = {
  missing: "there is no access token",
  oversize: "the access token is larger than any that is read",
  malformed: "the access token is no JWT with the claims that one must have",
  algorithm: "the access token is signed with another algorithm than its key's",
  type: "the access token is another kind of token",
  header: "the access token's header has a parameter that none may have",
  unknown_key: "the access token names a key that the issuer does not publish",
  signature: "the access token's signature does not match",
  issuer: "another issuer made the access token",
  audience: "the access token is meant for another audience",
  expired: "the access token has expired",
  early: "the access token is not valid yet",
  revoked: "the access token's session was revoked",
  no_keys: "the issuer's keys cannot be fetched",
  insufficient_user_authentication: "the authentication is too old or too weak",
};

export class VerifyError extends Error {
  /**
   * @param {VerifyErrorCode} code
   * @param {{ cause?: unknown, maxAge?: number | undefined, acrValues?: readonly string[] | undefined }} [details]
   */
  constructor(code, { cause, maxAge, acrValues } = {}) {
    super(MESSAGES[code], cause === undefined ? undefined : { cause });
    this.name = "VerifyError";
    this.code = code;
    this.status = code === "no_keys" ? 503 : 401;
    this.challenge = challengeFor(code, maxAge, acrValues);
    /** @type {Readonly<Record<string, string>>} */
    this.headers = Object.freeze({
      "cache-control": "no-store",
      "content-type": "application/json",
      ...(this.challenge === null
        ? { "retry-after": `${RETRY_AFTER_SECONDS}` }
        : { "www-authenticate": this.challenge }),
    });
    this.body = JSON.stringify(problemFor(code));
  }

  toResponse() {
    return new Response(this.body, { status: this.status, headers: this.headers });
  }
}

/**
 * @param {unknown} error
 * @param {VerifyErrorCode} [code]
 * @returns {error is VerifyError}
 */
export function isVerifyError(error, code) {
  // Two copies of the package can be in one program.
  if (!(error instanceof Error) || error.name !== "VerifyError" || !("code" in error)) return false;
  return code === undefined || error.code === code;
}

/**
 * @param {VerifyErrorCode} code
 * @param {number} [maxAge]
 * @param {readonly string[]} [acrValues]
 */
function challengeFor(code, maxAge, acrValues) {
  if (code === "no_keys") return null;
  // Without credentials the challenge has no error code (RFC 6750 §3.1).
  if (code === "missing") return "Bearer";
  if (code !== "insufficient_user_authentication") return 'Bearer error="invalid_token"';
  const acr = acrValues === undefined ? "" : `, acr_values="${acrValues.join(" ")}"`;
  const age = maxAge === undefined ? "" : `, max_age="${maxAge}"`;
  return `Bearer error="${code}", error_description="a recent or a stronger authentication is needed"${acr}${age}`;
}

/**
 * The body of the reference server's error responses.
 *
 * @param {VerifyErrorCode} code
 */
function problemFor(code) {
  switch (code) {
    case "no_keys":
      return { error: "unavailable", error_description: "the issuer's keys are not at hand" };
    case "missing":
      return { error: "invalid_token", error_description: "an access token is needed" };
    case "expired":
      return { error: "invalid_token", error_description: "the access token has expired" };
    case "insufficient_user_authentication":
      return { error: code, error_description: "this needs a recent or a stronger authentication; step up" };
    default:
      return { error: "invalid_token", error_description: "the access token is not valid here" };
  }
}
