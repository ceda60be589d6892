/** Requests to the auth server's endpoints of accounts, by the refresh cookie. */

import { own } from "../../src/host/own.js";
import { PasskeyError } from "./errors.js";

/** How long a request may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** @typedef {Parameters<import("../index.js").Session["proof"]>[0]["challenge"]} Challenge */

/** @param {import("../passkeys.js").AccountOptions} options */
export function authServer({ auth, session }) {
  const { origin, pathname } = new URL(`${auth}`, globalThis.location?.href);
  const base = origin + pathname.replace(/\/$/, "");

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {boolean} [isSignIn] whether it begins a session, which is bound to the key of this browser (RFC 9449)
   * @param {Challenge} [challenge]
   * @returns {Promise<unknown>} the body
   */
  async function send(method, path, body, isSignIn = false, challenge = undefined) {
    const url = base + path;
    const proof = await session.proof({ url, method, signIn: isSignIn, challenge });
    const response = await fetch(url, {
      method,
      credentials: "include",
      cache: "no-store",
      redirect: "error",
      headers: {
        "nolapse-version": "1",
        ...(body && { "content-type": "application/json" }),
        ...(proof && { dpop: proof }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause) => {
      throw new PasskeyError("unreachable", "the auth server does not answer", { cause });
    });
    const answer = own(await response.json().catch(() => undefined));
    if (response.ok) return answer;
    if (proof && answer.dpop_nonce && !challenge) return send(method, path, body, isSignIn, answer);
    const isRefused = response.status < 500 && typeof answer.error === "string";
    const code = /** @type {import("../passkeys.js").PasskeyErrorCode} */ (isRefused ? answer.error : "unreachable");
    throw new PasskeyError(code, `${answer.error_description ?? response.status}`, { body: answer });
  }

  return {
    get: (/** @type {string} */ path) => send("GET", path),
    post: (/** @type {string} */ path, /** @type {object} */ body) => send("POST", path, body),
    signIn: (/** @type {string} */ path, /** @type {object} */ body) => send("POST", path, body, true),
    remove: (/** @type {string} */ path) => send("DELETE", path),
  };
}
