/** What is said in fewer bytes in the platform's own language: conversions and plumbing, no decisions. */

/** What somebody else has made, so that any field may be anything. @typedef {{ [name: string]: unknown }} Fields */

/**
 * Tells what a promise has come to.
 *
 * @param {Promise<unknown>} promise
 * @param {(value: unknown, isKept: boolean) => void} done
 */
export function after(promise, done) {
  promise.then(
    (value) => done(value, true),
    (error) => done(error, false),
  );
}

/**
 * Asks for a new token: at an endpoint of the reference protocol, or the app's own function.
 *
 * @param {typeof fetch} native
 * @param {string | ((context: object) => unknown)} how
 * @param {string} reason
 * @param {string} page
 * @param {number} activeAgo in seconds
 * @param {AbortSignal} signal
 * @param {number} limit the largest body that is read, in bytes
 */
export async function renew(native, how, reason, page, activeAgo, signal, limit) {
  return typeof how === "string"
    ? post(native, how, { reason, page, active_ago: Math.floor(activeAgo) }, signal, limit)
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
 * @param {number} limit
 */
export async function signIn(run, limit) {
  const answer = await run();
  if (!(answer instanceof Response)) return answer;
  try {
    return answer.ok ? (await read(answer, limit)).body : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {typeof fetch} native
 * @param {string} url
 * @param {object} said
 * @param {AbortSignal} signal
 * @param {number} limit the body is not read where this is 0
 */
async function post(native, url, said, signal, limit) {
  const response = await native.call(globalThis, url, {
    method: "POST",
    credentials: "include",
    // Without it, a page that is left in this moment loses the rotated cookie.
    keepalive: true,
    cache: "no-store",
    // An endpoint that leads elsewhere is none of the contract.
    redirect: "error",
    headers: { "content-type": "application/json", "nolapse-version": "1" },
    body: JSON.stringify(said),
    signal,
  });
  const { status, headers } = response;
  const isRead = limit && (status === 200 || status === 401);
  return { status, retryAfter: retryAfter(headers), ...(isRead ? await read(response, limit) : undefined) };
}

/**
 * Reads a body as JSON, up to the largest honest size.
 *
 * @param {Response} response
 * @param {number} limit
 */
async function read(response, limit) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
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
 * Reads a token response; nothing where it is no object.
 *
 * @param {unknown} given
 * @param {boolean} isApp whether it is spelled as apps do, and not as RFC 6749 §5.1 does
 */
export function grantOf(given, isApp) {
  if (typeof given !== "object" || !given) return undefined;
  try {
    const answer = /** @type {Fields} */ (given);
    const session = /** @type {Fields | undefined} */ (answer.session);
    const token = textOf(isApp ? answer.accessToken : answer.access_token);
    const expiresIn = numberOf(isApp ? answer.expiresIn : answer.expires_in);
    const user = /** @type {Fields | null} */ (session?.user ?? null);
    const userId = user?.id ?? user?.sub;
    return {
      token,
      type: textOf(answer.token_type),
      expiresIn,
      life: expiresIn === undefined ? claimedLife(token) : undefined,
      refreshIn: numberOf(isApp ? answer.refreshIn : answer.refresh_in),
      id: textOf(session?.id),
      userId: typeof userId === "number" ? String(userId) : textOf(userId),
      user: JSON.stringify(user),
    };
  } catch {
    return {};
  }
}

/**
 * Reads `exp − iat` of a JWT, for servers that do not say `expires_in`. RFC 9068 §6 has clients not look into tokens,
 * so this is for those servers alone.
 *
 * @param {string | undefined} token
 */
function claimedLife(token) {
  try {
    const payload = token?.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
    const { exp, iat } = JSON.parse(atob(payload));
    return numberOf(exp - iat);
  } catch {
    return undefined;
  }
}

/** @param {unknown} value @returns {string | undefined} */
function textOf(value) {
  return typeof value === "string" ? value : undefined;
}

/** @param {unknown} value @returns {number | undefined} */
function numberOf(value) {
  return typeof value === "number" ? value : undefined;
}

/**
 * Reads a URL whose traffic nobody on the way can read; throws where it is none.
 *
 * @param {string} text
 */
function secure(text) {
  const url = new URL(text);
  const isLoopback = /^(localhost|127\.0\.0\.1|\[::1\]|.*\.localhost)$/.test(url.hostname);
  const isSecure = url.protocol === "https:" || (url.protocol === "http:" && isLoopback);
  if (!isSecure || url.username || url.password) throw url;
  return url;
}

/**
 * Reads an option: an auth server's URL, the URL of an endpoint or its path on the page's own origin, or an origin and
 * nothing else; nothing where it is none.
 *
 * @param {string} text
 * @param {"server" | "endpoint" | "origin"} kind
 */
export function placeOf(text, kind) {
  try {
    const isPath = kind === "endpoint" && /^\/(?!\/)/.test(text);
    const url = isPath ? new URL(text, location.origin) : secure(text);
    if (kind === "endpoint") return url.href;
    if (url.search || url.hash) return undefined;
    if (kind === "server") return url.origin + url.pathname.replace(/\/+$/, "");
    return url.pathname === "/" && !text.includes("*") ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Parses a URL as `fetch` does, against the document's base or the worker's own address, and gives its origin; nothing
 * where it cannot be parsed, or leads nowhere by HTTP: the origin of a `blob:` URL is that of the page that made it.
 *
 * @param {typeof URL} Native
 * @param {string} text
 */
export function originOf(Native, text) {
  try {
    const { protocol, origin } = new Native(text, globalThis.document?.baseURI ?? globalThis.location?.href);
    return /^https?:$/.test(protocol) ? origin : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Gives the URL of a request of any realm; nothing where it is no request.
 *
 * @param {typeof Request} Native
 * @param {unknown} input
 */
export function urlOf(Native, input) {
  if (input instanceof Request) return input.url;
  try {
    // Of another realm: the platform takes it for a request by its kind, and so does this getter.
    return Object.getOwnPropertyDescriptor(Native.prototype, "url")?.get?.call(input);
  } catch {
    return undefined;
  }
}
