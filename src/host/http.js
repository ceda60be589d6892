/** What is said in fewer bytes in the platform's own language: conversions and plumbing, no decisions. */

import { own, readerOf } from "./own.js";

/** The largest honest answer to a refresh, in bytes: `MAX_TOKEN_RESPONSE_BYTES` in `wire.rs`. */
const LIMIT = 65_536;

/**
 * Asks for a new token: at an endpoint of the reference protocol, or the app's own function.
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
 * Tells of a sign-out: an endpoint of the reference protocol, the app's own function, or nobody.
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
 * Sends what the platform reads as options, and the answer, without a prototype: whatever they leave out is left out.
 *
 * @param {typeof fetch} native
 * @param {string} url
 * @param {object} said
 * @param {AbortSignal} signal
 * @param {number} limit the body is not read where this is 0
 */
async function post(native, url, said, signal, limit) {
  const options = own({
    method: "POST",
    credentials: "include",
    // Without it, a page that is left in this moment loses the rotated cookie.
    keepalive: true,
    cache: "no-store",
    // An endpoint that leads elsewhere is none of the contract.
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
 * Reads a body as JSON, up to the largest honest size.
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
      // What the server says to being cut short is of no interest.
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
 * Reads `Retry-After` in both forms (RFC 9110 §10.2.3), in seconds; a date counts against the answer's own `Date`,
 * where it can be read, so that a wrong clock does not matter.
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
 * Reads a token response: its life and its refresh moment in seconds, and a text with the rest of it in lines; an empty
 * text where it is no object.
 *
 * @param {unknown} given
 * @param {boolean} isApp whether it is spelled as apps do, and not as RFC 6749 §5.1 does
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
    // An object that throws when it is read grants nothing.
    return [Number.NaN, Number.NaN, "\n\n\n\nnull"];
  }
}

/**
 * Reads `exp − iat` of a JWT, for servers that do not say `expires_in`. RFC 9068 §6 has clients not look into tokens,
 * so this is for those servers alone.
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
 * Gives a text that fits on a line; an empty one for anything else.
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
