/** `POST /auth/session`: asks the auth server whose session a refresh cookie is. */

import { own } from "../../src/host/own.js";
import { contextTokens } from "./contexts.js";

/** @typedef {import("../rendering.js").UnknownCause} UnknownCause */

/**
 * What the auth server answers: a session and a token, why there is none, or why it is not known.
 *
 * @typedef {{ token: string, user: unknown, contexts: Readonly<Record<string, string>> } | { reason: string } | { cause: UnknownCause, error?: unknown }} LookedUp
 */

/**
 * Asks once, without a redirect and without a repeat: a page cannot wait.
 *
 * @param {{ url: string, secret: string, timeoutMs: number, contexts: readonly string[] }} how
 * @param {string} cookie name and value
 * @returns {Promise<LookedUp>}
 */
export async function lookUp({ url, secret, timeoutMs, contexts }, cookie) {
  const authentication = { authorization: `Bearer ${secret}`, cookie };
  try {
    const response = await fetch(url, {
      method: "POST",
      // Without contexts there is no body.
      ...(contexts.length > 0
        ? { headers: { ...authentication, "content-type": "application/json" }, body: JSON.stringify({ contexts }) }
        : { headers: authentication }),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) return { cause: causeOf(response.status) };
    return read(await response.json(), contexts);
  } catch (error) {
    return { cause: causeOfThrown(error), error };
  }
}

/**
 * @param {unknown} body
 * @param {readonly string[]} names of contexts
 * @returns {LookedUp}
 */
function read(body, names) {
  const { access_token: token, session, reason, contexts } = own(body);
  if (session === null && typeof reason === "string") return { reason };
  if (typeof token === "string" && typeof session === "object")
    return { token, user: own(session).user, contexts: contextTokens(contexts, names) };
  return { cause: "unexpected_answer" };
}

/**
 * @param {number} status
 * @returns {UnknownCause}
 */
function causeOf(status) {
  if (status === 429) return "rate_limited";
  if (status >= 500) return "server_error";
  // The secret is wrong, or SERVER_SECRETS is not set.
  return status === 401 || status === 404 ? "misconfigured" : "unexpected_answer";
}

/**
 * @param {unknown} error
 * @returns {UnknownCause}
 */
function causeOfThrown(error) {
  if (error instanceof SyntaxError) return "unexpected_answer";
  return error instanceof Error && error.name === "TimeoutError" ? "timeout" : "network";
}
