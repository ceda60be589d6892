/** HTTP requests to the auth server, and parsing of its responses: no decisions, and fewer bytes than in wasm. */

import { own, readerOf } from "./own.js";

/** The largest valid refresh response, in bytes: `MAX_TOKEN_RESPONSE_BYTES` in `wire.rs`. */
const LIMIT = 65_536;

/**
 * Sends a refresh: to an endpoint of the reference protocol, or through the app's own function.
 *
 * @param {typeof fetch} native
 * @param {string | ((context: object) => unknown)} how
 * @param {string} reason
 * @param {string} page
 * @param {number} activeAgo in seconds
 * @param {AbortSignal} signal
 */
export async function sendRefresh(native, how, reason, page, activeAgo, signal) {
  return typeof how === "string"
    ? post(native, how, { reason, page, active_ago: Math.floor(activeAgo) }, signal, LIMIT)
    : how({ reason, page, activeAgo, signal });
}

/**
 * Sends a sign-out: to an endpoint of the reference protocol, through the app's own function, or not at all.
 *
 * @param {typeof fetch} native
 * @param {string | ((context: object) => unknown) | undefined} how
 * @param {boolean} everywhere
 * @param {AbortSignal} signal
 */
export async function signOut(native, how, everywhere, signal) {
  return typeof how === "string"
    ? post(native, how, everywhere ? { everywhere } : {}, signal, 0)
    : how?.({ everywhere, signal });
}

/**
 * Runs the app's sign-in function and reads what it returns: a token response, parsed or not.
 *
 * @param {() => unknown} run
 */
export async function signIn(run) {
  const answer = await run();
  if (!(answer instanceof Response)) return answer;
  try {
    return answer.ok ? own(await read(answer, LIMIT)).body : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Sends a JSON POST. Options and result have no prototype, so a polluted `Object.prototype` adds no fields.
 *
 * @param {typeof fetch} native
 * @param {string} url
 * @param {object} said
 * @param {AbortSignal} signal
 * @param {number} limit the body is not read if this is 0
 */
async function post(native, url, said, signal, limit) {
  const options = own({
    method: "POST",
    credentials: "include",
    // Without it, a navigation during the request loses the rotated cookie.
    keepalive: true,
    cache: "no-store",
    // The protocol allows no redirects.
    redirect: "error",
    headers: own({ "content-type": "application/json", "nolapse-version": "1" }),
    body: JSON.stringify(own(said)),
    signal,
  });
  const response = await native.call(globalThis, url, options);
  const { status, headers } = response;
  const isRead = limit && (status === 200 || status === 401);
  return own({ status, retryAfter: retryAfter(headers), ...(isRead ? await read(response, limit) : undefined) });
}

/**
 * Reads a body as JSON, up to the size limit.
 *
 * @param {Response} response
 * @param {number} limit
 */
async function read(response, limit) {
  const reader = readerOf(response);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const value = reader && (await reader.read()).value;
    if (!value) break;
    size += value.length;
    if (size > limit) {
      // An error from cancelling the stream is irrelevant.
      reader?.cancel().catch(() => {});
      return { isTooLarge: true };
    }
    text += decoder.decode(value, { stream: true });
  }
  return { body: parsed(text + decoder.decode()) };
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads `Retry-After` in both forms (RFC 9110 §10.2.3), in seconds. A date is relative to the response's `Date`, if that
 * can be read, so that a wrong local clock does not matter.
 *
 * @param {Headers} headers
 */
function retryAfter(headers) {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  return Math.max(0, Date.parse(value) - now) / 1_000;
}

/**
 * Reads a token response: its lifetime and refresh time in seconds, and the other fields as lines of a text; an empty text
 * if it is no object.
 *
 * @param {unknown} given
 * @param {boolean} isApp whether the field names are the app's (camelCase), not those of RFC 6749 §5.1
 * @returns {[life: number, refreshIn: number, text: string]}
 */
export function grantOf(given, isApp) {
  if (typeof given !== "object" || !given) return [Number.NaN, Number.NaN, ""];
  try {
    const answer = own(given);
    const session = own(answer.session);
    const user = session.user ?? null;
    const { id, sub } = own(user);
    const userId = id ?? sub;
    const token = lineOf(isApp ? answer.accessToken : answer.access_token);
    const lines = [
      token,
      lineOf(answer.token_type),
      lineOf(session.id),
      lineOf(typeof userId === "number" ? String(userId) : userId),
      JSON.stringify(user),
    ];
    const life = numberOf(isApp ? answer.expiresIn : answer.expires_in) ?? claimedLife(token);
    const refreshIn = numberOf(isApp ? answer.refreshIn : answer.refresh_in);
    return [life ?? Number.NaN, refreshIn ?? Number.NaN, lines.join("\n")];
  } catch {
    // An object whose getters throw is not a valid token response.
    return [Number.NaN, Number.NaN, "\n\n\n\nnull"];
  }
}

/**
 * Reads `exp − iat` of a JWT, for servers that omit `expires_in`. RFC 9068 §6 tells clients not to inspect tokens, so only
 * those servers get this.
 *
 * @param {string} token
 */
function claimedLife(token) {
  try {
    const payload = token.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
    const { exp, iat } = own(JSON.parse(atob(payload)));
    return numberOf(/** @type {number} */ (exp) - /** @type {number} */ (iat));
  } catch {
    return undefined;
  }
}

/**
 * Returns a string without control characters; an empty one for anything else.
 *
 * @param {unknown} value
 */
function lineOf(value) {
  return typeof value === "string" && !/\p{Cc}/u.test(value) ? value : "";
}

/** @param {unknown} value @returns {number | undefined} */
function numberOf(value) {
  return typeof value === "number" ? value : undefined;
}
