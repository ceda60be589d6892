/** Reads whose session a page is rendered for: by the page cookie, or else by one look-up. */

import { own } from "../../src/host/own.js";
import { NO_CONTEXTS, readContexts } from "./contexts.js";
import { headerOf, onlyCookie } from "./cookies.js";
import { isVerifyError } from "./errors.js";
import { lookUp } from "./look-up.js";
import { isServerSecret } from "./secret.js";

/** @typedef {import("../rendering.js").ServerSession} ServerSession */
/** @typedef {import("../rendering.js").RequestSource} RequestSource */
/** @typedef {import("../rendering.js").UnknownCause} UnknownCause */
/** @typedef {import("../claims.js").Claims} Claims */

const REFRESH_COOKIE = "__Host-Http-nolapse";
const PAGE_COOKIE = "__Host-Http-nolapse-page";
const HINT_COOKIE = "nolapse-hint";

/** A token with less than this left is replaced by a look-up, where there can be one: it is to last for the request. */
const SPARE_MS = 5_000;

/** How much of a session's id can be read in its refresh cookie, which begins with the same bits in base64url. */
const COMMON_CHARS = 21;

const DEFAULT_TIMEOUT_MS = 2_000;

/**
 * @param {unknown} options
 * @param {import("../server.js").Verifier} verifier
 * @returns {import("../rendering.js").SessionReader<unknown>}
 */
export function sessionReader(options, verifier) {
  const settings = readSettings(own(options));
  /** One answer for each request, however often it is asked for. @type {WeakMap<RequestSource, Promise<ServerSession>>} */
  const answers = new WeakMap();
  return Object.freeze({
    /** @param {RequestSource} request */
    getSession(request) {
      const known = answers.get(request);
      if (known) return known;
      const answer = find(request, settings, verifier);
      answers.set(request, answer);
      return answer;
    },
  });
}

/** @typedef {ReturnType<typeof readSettings>} Settings */

/** @param {import("../../src/host/own.js").Fields} given */
function readSettings({ issuer, auth = issuer, account, secret, timeoutMs = DEFAULT_TIMEOUT_MS, contexts: given }) {
  if (account !== undefined && !(typeof account === "string" && /^[a-z0-9-]{1,32}$/.test(account)))
    throw new TypeError("account must be a name of ACCOUNT_PATHS");
  if (secret !== undefined && !isServerSecret(secret)) throw new TypeError("secret must be one of SERVER_SECRETS");
  if (!(typeof timeoutMs === "number" && timeoutMs >= 1 && timeoutMs <= 60_000))
    throw new TypeError("timeoutMs must be 1 to 60,000");
  const contexts = readContexts(given, secret);
  const [path, suffix] = account === undefined ? ["", ""] : [`/${account}`, `.${account}`];
  const base = String(auth).replace(/\/$/, "");
  if (!URL.canParse(base)) throw new TypeError("auth must be a URL");
  return {
    refreshCookie: REFRESH_COOKIE + suffix,
    pageCookie: PAGE_COOKIE + suffix,
    how: secret === undefined ? undefined : { url: `${base}${path}/auth/session`, secret, timeoutMs, contexts },
  };
}

/**
 * @param {RequestSource} request
 * @param {Settings} settings
 * @param {import("../server.js").Verifier} verifier
 * @returns {Promise<ServerSession>}
 */
async function find(request, { refreshCookie, pageCookie, how }, verifier) {
  const cookies = headerOf(request, "cookie");
  const [page, refresh] = [onlyCookie(cookies, pageCookie), onlyCookie(cookies, refreshCookie)];
  const current = page === undefined ? undefined : await verified(verifier, page);
  const held = current && "claims" in current && isOf(current.claims, refresh) ? current : undefined;
  const canLookUp = refresh !== undefined && how !== undefined;
  // The page cookie has the token without a context alone.
  const suffices = how === undefined || how.contexts.length === 0;
  if (held && (!canLookUp || (suffices && leftOf(held.claims) > SPARE_MS))) return signedIn(held);
  if (!canLookUp) {
    if (current && "cause" in current) return unknown(current);
    if (refresh !== undefined) return unknown({ cause: "misconfigured" });
    const isKept = onlyCookie(cookies, HINT_COOKIE) === "1" && headerOf(request, "sec-fetch-site") === "cross-site";
    return isKept ? unknown({ cause: "cross_site" }) : signedOut(null);
  }
  const found = await lookUp(how, `${refreshCookie}=${refresh}`);
  if ("reason" in found) return signedOut(found.reason);
  const answer = "token" in found ? await verified(verifier, found.token, found.user) : found;
  if ("claims" in answer) return signedIn(answer, "contexts" in found ? found.contexts : NO_CONTEXTS);
  // An auth server that is away ends no session whose token is still good.
  if (held && leftOf(held.claims) > 0) return signedIn(held);
  return unknown("code" in answer ? { cause: "misconfigured", error: answer.error } : answer);
}

/** A token that was verified. @typedef {{ token: string, claims: Claims, user: unknown }} Held */

/**
 * Verifies a token; without the keys for it, nothing is known of it.
 *
 * @param {import("../server.js").Verifier} verifier
 * @param {string} token
 * @param {unknown} [user] that of the look-up; the page cookie's token has it as a claim
 * @returns {Promise<Held | { code: string, error: unknown } | { cause: UnknownCause, error: unknown }>}
 */
async function verified(verifier, token, user) {
  try {
    const claims = await verifier.verify(token);
    return { token, claims, user: user ?? claims.user ?? { id: claims.sub } };
  } catch (error) {
    if (!isVerifyError(error) || error.code === "no_keys") return { cause: "no_keys", error };
    return { code: error.code, error };
  }
}

/**
 * Whether a token can be of the session of a refresh cookie: after a change of users another's may be left.
 *
 * @param {Claims} claims
 * @param {string | undefined} refresh
 */
function isOf({ sid }, refresh) {
  return refresh === undefined || refresh.startsWith(sid.slice(0, COMMON_CHARS));
}

/** @param {Claims} claims @returns {number} milliseconds */
function leftOf({ exp }) {
  return Math.floor(exp) * 1_000 - Date.now();
}

/**
 * @param {Held} held
 * @param {Readonly<Record<string, string>>} [contexts]
 * @returns {ServerSession}
 */
function signedIn({ token, claims, user }, contexts = NO_CONTEXTS) {
  const { sid: sessionId, exp } = claims;
  const state = /** @type {const} */ ("signed_in");
  return answerOf(
    { user, claims, token, contexts, expiresAt: Math.floor(exp) * 1_000 },
    { state, user, sessionId, failure: null },
  );
}

/** @param {string | null} reason @returns {ServerSession} */
function signedOut(reason) {
  const known = /** @type {import("../events.js").SignOutReason | null} */ (reason === "no_cookie" ? null : reason);
  const state = /** @type {const} */ ("signed_out");
  return answerOf({ user: null, reason: known }, { state, reason: known, serverNotified: true, failure: null });
}

/** @param {{ cause: UnknownCause, error?: unknown }} why @returns {ServerSession} */
function unknown({ cause, error }) {
  const state = /** @type {const} */ ("unknown");
  return answerOf({ user: null, cause, error }, { state, failure: null, lastUser: null });
}

/**
 * @param {object} answer
 * @param {import("../events.js").SessionStatus} initial
 */
function answerOf(answer, initial) {
  const { state } = initial;
  return /** @type {ServerSession} */ (Object.freeze({ state, ...answer, initial: Object.freeze(initial) }));
}
