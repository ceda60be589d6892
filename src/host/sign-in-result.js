/** Reads what a redirect or a pop-up brings back from the auth server, and what it means for the storage record. */

/** The errors that the auth server reports, and what they say. */
const MESSAGES = {
  provider_denied: "the provider or the user denied the sign-in",
  provider_failed: "the provider is unreachable, or its response is not valid",
  provider_refused: "the auth server refuses the provider's response",
  account_exists: "the e-mail address belongs to another account: sign in to it and link the provider",
};

/** @typedef {keyof typeof MESSAGES} ProviderCode */

/**
 * Returns the code and the message of an error that the auth server reports. A code that this release does not know, or one that
 * somebody else made up, is `provider_failed`.
 *
 * @param {unknown} reported
 * @returns {[code: ProviderCode, message: string]}
 */
export function providerError(reported) {
  const known = /** @type {ProviderCode[]} */ (Object.keys(MESSAGES));
  const code = known.find((one) => one === reported) ?? "provider_failed";
  return [code, MESSAGES[code]];
}

/** Matches the parameters of a result. */
const PARAMETERS = /^nolapse_(session|error|provider)=/;

/**
 * Splits a URL before its query and its fragment.
 *
 * @param {string} href
 */
function split(href) {
  const [, before = "", query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(href) ?? [];
  return { before, pairs: query ? query.split("&") : [], fragment };
}

/**
 * Returns the URL without the parameters of a result, and with others in their place; the rest stays as it is, byte for byte.
 *
 * @param {string} href
 * @param {string[]} added
 */
function replaced(href, added) {
  const { before, pairs, fragment } = split(href);
  const query = [...pairs.filter((pair) => !PARAMETERS.test(pair)), ...added].join("&");
  return `${before}${query && `?${query}`}${fragment}`;
}

/**
 * Returns the URL that a sign-in of this session returns to.
 *
 * @param {string} href
 * @param {string} key the session's
 */
export function returningTo(href, key) {
  return replaced(href, [`nolapse_session=${nameOf(key)}`]);
}

/**
 * Returns the result of a sign-in of this session that a URL has: the error, `null` if it succeeded, and the URL without it. Returns
 * `undefined` if there is none, or that of another session of the page.
 *
 * @param {string} href
 * @param {string} key the session's
 */
export function resultIn(href, key) {
  const { pairs } = split(href);
  const params = new URLSearchParams(pairs.join("&"));
  if (params.get("nolapse_session") !== nameOf(key)) return undefined;
  return {
    error: params.get("nolapse_error"),
    provider: params.get("nolapse_provider") ?? "",
    cleaned: replaced(href, []),
  };
}

/** A short name of a session, for URLs (FNV-1a). @param {string} key */
function nameOf(key) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(36);
}

/** Matches a record up to its version. */
const RECORD = /^nolapse1;(\d{1,7});(in|out);/;

/** The last version; the next one is 1 (RFC 1982). `Version::LAST` in `ids.rs`. */
const LAST_VERSION = 2_000_001;

/**
 * Returns the storage record after a sign-in that no tab has made: of the next version, with a token that has expired. Each tab
 * then asks the auth server for the session, as if another tab had signed in and its message were lost.
 *
 * @param {string} record the record until now; an empty text without one
 */
export function signedInElsewhere(record) {
  const version = Number(RECORD.exec(record)?.[1] ?? 0);
  return `nolapse1;${(version % LAST_VERSION) + 1};in;0;0`;
}

/**
 * Returns which sessions a sign-out ends that the auth server does not know of yet; `undefined` if there is none.
 *
 * @param {string} record
 */
export function pendingSignOut(record) {
  const [, , state, , , isNotified, everywhere] = record.split(";");
  return state === "out" && isNotified === "0" ? { everywhere: everywhere === "1" } : undefined;
}

/**
 * Returns the fingerprint of the session in a record; an empty text without one.
 *
 * @param {string} record
 */
export function sessionIn(record) {
  const [, , state, , fingerprint = ""] = record.split(";");
  return state === "in" ? fingerprint : "";
}
