/** HTTP requests to the auth server, and parsing of its responses: no decisions, and fewer bytes than in wasm. */

import { prove } from "./device-key.js";
import { own, readerOf } from "./own.js";

/** The largest valid refresh response, in bytes: `MAX_TOKEN_RESPONSE_BYTES` in `wire.rs`. */
const LIMIT = 65_536;

/** @typedef {import("./realm.js").Realm} Realm */
/** @typedef {import("./options.js").Settings} Settings */
/** @typedef {import("./device-key.js").Proof} Proof */

/**
 * What came of a request: the status (0 if the app's own function returned the body), the `Retry-After` delay in seconds
 * (NaN if absent), and the body.
 *
 * @typedef {{ status: number, retryAfter: number, isTooLarge?: boolean, body?: unknown }} Answer
 */

/**
 * What a refresh declares: its reason, the page's visibility, the time since the last activity in milliseconds, and the names of
 * the contexts to request.
 *
 * @typedef {[reason: string, page: string, activeAgoMs: number, contexts: string[]]} Refresh
 */

/**
 * Sends a refresh: to an endpoint of the reference protocol, or through the app's own function, which returns a token
 * response, parsed or not.
 *
 * @param {Realm} realm
 * @param {Settings} settings
 * @param {Refresh} declared
 * @param {AbortSignal} signal
 * @param {Promise<Proof>} [proof] if it was made already
 */
export async function sendRefresh(realm, settings, [reason, page, activeAgoMs, contexts], signal, proof) {
  const { refresh } = settings;
  if (typeof refresh !== "string")
    return answerOf(realm, await refresh({ reason, page, activeAgoMs, signal, contexts }));
  const said = within(contexts, { reason, page, active_ago: Math.floor(activeAgoMs / 1_000) });
  return ask(realm, settings, refresh, said, signal, proof);
}

/**
 * Adds the names of contexts to a body; none where there are none.
 *
 * @param {readonly string[]} contexts
 * @param {object} body
 */
export function within(contexts, body) {
  return contexts.length ? { ...body, contexts } : body;
}

/**
 * Sends a sign-out: to an endpoint of the reference protocol, through the app's own function, or not at all.
 *
 * @param {Realm} realm
 * @param {Settings} settings
 * @param {boolean} everywhere
 * @param {AbortSignal} signal
 */
export async function signOut(realm, settings, everywhere, signal) {
  const how = settings.signOut;
  if (typeof how !== "string") return how?.({ everywhere, signal });
  return ask(realm, settings, how, everywhere ? { everywhere } : {}, signal);
}

/**
 * Runs the app's sign-in function and reads what it returns: a token response, parsed or not.
 *
 * @param {Realm} realm
 * @param {() => unknown} run
 */
export async function signIn(realm, run) {
  const { status, body } = await answerOf(realm, await run());
  return status < 300 ? body : undefined;
}

/**
 * Sends a request with a proof of possession, if this browser has a key; once more if the server challenges the proof. Answers
 * that the session is over if it is bound to a key that is gone.
 *
 * @param {Realm} realm
 * @param {Settings} settings
 * @param {string} url
 * @param {object} said
 * @param {AbortSignal} [signal]
 * @param {Promise<Proof>} [proof] if it was made already
 * @param {boolean} [isSignIn]
 */
async function ask(realm, { key, server, deviceBinding }, url, said, signal, proof, isSignIn) {
  /** @param {Proof} dpop */
  const send = async (dpop) =>
    answerOf(realm, await post(realm, url, server ? { ...said, version: "2", dpop } : said, !server, signal), isSignIn);
  const sent = server ? await (proof ?? prove(realm, key, url, isSignIn && deviceBinding)) : undefined;
  const answer = await send(sent || undefined);
  if (answer.status !== 401) return answer;
  const challenge = own(answer.body);
  if (sent && challenge.dpop_nonce) return send(await prove(realm, key, url, false, challenge));
  if (sent === "" && challenge.error === "invalid_dpop_proof")
    answer.body = { error: "session_ended", reason: "key_lost" };
  return answer;
}

/**
 * Sends a POST: as text, which needs no CORS preflight, or as JSON with the header of version 1 to an endpoint of the app's own.
 * The options have no prototype, so a polluted `Object.prototype` adds no fields.
 *
 * @param {Realm} realm
 * @param {string} url
 * @param {object} said
 * @param {boolean} isOwn
 * @param {AbortSignal} [signal]
 */
function post(realm, url, said, isOwn, signal) {
  const options = own({
    method: "POST",
    credentials: "include",
    // Without it, a navigation during the request loses the rotated cookie.
    keepalive: true,
    cache: "no-store",
    // The protocol allows no redirects.
    redirect: "error",
    headers: isOwn ? own({ "content-type": "application/json", "nolapse-version": "1" }) : own(undefined),
    body: JSON.stringify(own(said)),
    signal,
  });
  return realm.fetch(url, options);
}

/**
 * Reads a `Response`, with the body of a success and of a 401 as JSON. Any other value is a body itself.
 *
 * @param {Realm} realm
 * @param {unknown} value
 * @param {boolean} [isReadWhole] whether to read the body whatever the status is
 * @returns {Promise<Answer>}
 */
async function answerOf(realm, value, isReadWhole) {
  if (!(value instanceof realm.Response))
    return /** @type {Answer} */ (/** @type {unknown} */ (own({ status: 0, body: value })));
  const { status, ok, headers } = /** @type {Response} */ (/** @type {unknown} */ (value));
  return /** @type {Answer} */ (
    /** @type {unknown} */ (
      own({
        status,
        retryAfter: retryAfter(headers),
        ...(isReadWhole || ok || status === 401
          ? await read(/** @type {Response} */ (/** @type {unknown} */ (value)))
          : undefined),
      })
    )
  );
}

/**
 * Sends credentials. Without a response, the status is 0, or −1 after the timeout.
 *
 * @param {Realm} realm
 * @param {Settings} settings
 * @param {string} url
 * @param {object} credentials
 * @returns {Promise<Answer>}
 */
export async function sendCredentials(realm, settings, url, credentials) {
  try {
    const signal = realm.AbortSignal?.timeout(settings.timeoutMs);
    return await ask(realm, settings, url, within(settings.contexts, credentials), signal, undefined, true);
  } catch (error) {
    return /** @type {Answer} */ (
      /** @type {unknown} */ (own({ status: /** @type {Error} */ (error).name === "TimeoutError" ? -1 : 0 }))
    );
  }
}

/**
 * Reads a body as JSON, up to the size limit.
 *
 * @param {Response} response
 * @returns {Promise<{ isTooLarge?: boolean, body?: unknown }>}
 */
async function read(response) {
  const reader = readerOf(response);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const value = reader && (await reader.read()).value;
    if (!value) break;
    size += value.length;
    if (size > LIMIT) {
      // An error from cancelling the stream is irrelevant.
      reader?.cancel().catch(() => {});
      return { isTooLarge: true };
    }
    text += decoder.decode(value, { stream: true });
  }
  return { body: parsed(text + decoder.decode()) };
}

/** Parses JSON; `undefined` if it is invalid. @param {string} text */
export function parsed(text) {
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
  if (!value) return Number.NaN;
  if (/^\d+$/.test(value)) return Number(value);
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  return Math.max(0, Date.parse(value) - now) / 1_000;
}

/**
 * The fields of a token response, as inputs have them.
 *
 * @typedef {[lifetime: number, refreshIn: number, status: number, token: string, tokenType: string, sessionId: string, userId: string, user: string]} Grant
 */

/**
 * Reads a token response (RFC 6749 §5.1, with the session beside it): lifetime and refresh time in seconds, NaN if absent;
 * the user as JSON, empty if the response is no object.
 *
 * @param {unknown} given
 * @param {number} status the HTTP status, 0 without one
 * @param {readonly string[]} contexts those that were requested
 * @returns {Grant}
 */
export function grantOf(given, status, contexts) {
  if (typeof given !== "object" || !given) return [Number.NaN, Number.NaN, status, "", "", "", "", ""];
  try {
    const answer = own(given);
    const session = own(answer.session);
    const user = session.user ?? null;
    const { id, sub } = own(user);
    const userId = id ?? sub;
    const token = tokenOf(answer.access_token);
    return [
      numberOf(answer.expires_in) ?? claimedLife(token) ?? Number.NaN,
      numberOf(answer.refresh_in) ?? Number.NaN,
      status,
      [token, ...contextsOf(answer.contexts, contexts)].join(" "),
      lineOf(answer.token_type),
      lineOf(session.id),
      lineOf(typeof userId === "number" ? String(userId) : userId),
      JSON.stringify(user),
    ];
  } catch {
    // An object whose getters throw is not a valid token response.
    return [Number.NaN, Number.NaN, status, "", "", "", "", "null"];
  }
}

/**
 * Returns pairs of a context and its token; the token of a context that was requested in vain is empty.
 *
 * @param {unknown} granted
 * @param {readonly string[]} requested
 */
function contextsOf(granted, requested) {
  const found = own(granted);
  return requested.map((name) => `${name} ${tokenOf(own(found[name]).access_token)}`);
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
 * Returns a token; an empty string for anything that has a space, which separates tokens.
 *
 * @param {unknown} value
 */
function tokenOf(value) {
  return lineOf(value).replace(/.* .*/, "");
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
