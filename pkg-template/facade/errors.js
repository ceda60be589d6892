/** The errors that callers are rejected with. */

import { own } from "../../src/host/own.js";

/** @typedef {import("../index.js").SessionErrorCode} SessionErrorCode */

/** @typedef {import("../index.js").SessionErrorDetails} Known */
/** @typedef {{ [Name in keyof Known]?: Known[Name] | null | undefined }} Details */

export class SessionError extends Error {
  /**
   * @param {SessionErrorCode} code
   * @param {string} message
   * @param {Details} [details]
   */
  constructor(code, message, details) {
    const {
      reason = null,
      failure = null,
      retryInMs = null,
      option = null,
      problem = null,
      cause,
    } = /** @type {Details} */ (own(details));
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SessionError";
    this.code = code;
    this.reason = reason;
    this.failure = failure;
    this.retryInMs = retryInMs;
    this.option = option;
    this.problem = problem;
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
  return code === undefined || own(error).code === code;
}

/**
 * Converts the error of an invalid option to a `SessionError`; returns any other unchanged.
 *
 * @param {unknown} error
 */
export function misconfigured(error) {
  const { option } = own(error);
  if (!(error instanceof Error && option)) return error;
  return new SessionError("misconfigured", error.message, { option: String(option) });
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
