/** What callers are rejected with. */

/** @typedef {import("../index.js").SessionErrorCode} SessionErrorCode */

export class SessionError extends Error {
  /**
   * @param {SessionErrorCode} code
   * @param {string} message
   * @param {{ [Name in keyof import("../index.js").SessionErrorDetails]?: import("../index.js").SessionErrorDetails[Name] | null | undefined }} [details]
   */
  constructor(code, message, { reason = null, failure = null, retryIn = null, option = null, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SessionError";
    this.code = code;
    this.reason = reason;
    this.failure = failure;
    this.retryIn = retryIn;
    this.option = option;
  }
}

export class SessionEnded extends Error {
  /** @param {import("../index.js").SignOutReason} [reason] */
  constructor(reason = "expired") {
    super(`the session has ended: ${reason}`);
    this.name = "SessionEnded";
    this.reason = reason;
  }
}

/**
 * @param {unknown} error
 * @param {SessionErrorCode} [code]
 */
export function isSessionError(error, code) {
  if (!(error instanceof Error) || error.name !== "SessionError") return false;
  return code === undefined || ("code" in error && error.code === code);
}

/**
 * Makes an error of a wrong option a typed one; any other is what it is.
 *
 * @param {unknown} error
 */
export function misconfigured(error) {
  if (!(error instanceof Error && "option" in error)) return error;
  return new SessionError("misconfigured", error.message, { option: String(error.option) });
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
