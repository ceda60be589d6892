/** The error of what concerns passkeys and one-time passwords. */

/** @typedef {import("../passkeys.js").PasskeyErrorCode} PasskeyErrorCode */

export class PasskeyError extends Error {
  /** The body of the auth server's response; not enumerable, so that it is not logged: it can have a ticket. */
  #body;

  /**
   * @param {PasskeyErrorCode} code
   * @param {string} message
   * @param {{ cause?: unknown, body?: unknown }} [details]
   */
  constructor(code, message, { cause, body } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "PasskeyError";
    this.code = code;
    this.#body = body;
  }

  get body() {
    return this.#body;
  }
}

/**
 * @param {unknown} error
 * @param {PasskeyErrorCode} [code]
 * @returns {error is PasskeyError}
 */
export function isPasskeyError(error, code) {
  // Two copies of the package can be on one page.
  if (!(error instanceof Error) || error.name !== "PasskeyError" || !("code" in error)) return false;
  return code === undefined || error.code === code;
}
