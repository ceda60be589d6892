/** Reads and checks the options of a session. */

import { own } from "./own.js";
import { parseUrl } from "./origins.js";

/** @typedef {string | ((context: object) => unknown)} Endpoint a reference protocol URL or the app's own function */

/** Whether a call needs a token, as in `options.d.ts`. @typedef {"required" | "optional" | "best_effort"} Authorization */

/**
 * Checked options.
 *
 * @typedef {object} Settings
 * @property {string} key the name of the session's lock, channel and storage record
 * @property {Endpoint} refresh
 * @property {Endpoint | undefined} signOut `undefined`: sign-out is local
 * @property {string | undefined} server the auth server, if it speaks the reference protocol
 * @property {string[]} allowedOrigins
 * @property {Authorization} authorization
 * @property {string} context the context of calls that name none; empty for none
 * @property {string[]} contexts the same, as a list
 * @property {import("./own.js").Fields | undefined} initial what the status is until it is known
 * @property {((user: unknown) => unknown) | undefined} remember
 * @property {boolean} deviceBinding whether sign-ins bind their session to a key of this browser
 * @property {boolean} push whether to open the push stream
 * @property {number} timeoutMs
 * @property {unknown} wasm the source of the module, as given
 */

const HTTPS = "an https URL without credentials";
const ENDPOINT = "an https URL, or a path of the page's origin";
const ORIGINS = "origins like https://api.example.com";
/** Functions have no identity beyond this page: two apps of one origin would share a session. */
const NAMED = "set where auth.refresh is a function";

/**
 * Throws the error for an invalid option.
 *
 * @param {string} option its name
 * @param {string} expected what it must be
 * @returns {never}
 */
export function refuse(option, expected) {
  throw Object.assign(new Error(`${option} must be ${expected}`), { option });
}

/**
 * Reads the options of a session, each once and only own properties. Throws an error with the `option`'s name for the first
 * invalid one.
 *
 * @param {unknown} options
 * @returns {Settings}
 */
export function readOptions(options) {
  if (typeof options !== "object" || options === null) refuse("options", "an object");
  const given = own(options);
  refuseUnknown(given, [
    "auth",
    "allowedOrigins",
    "authorization",
    "context",
    "deviceBinding",
    "initial",
    "push",
    "remember",
    "storageKey",
    "timeoutMs",
    "wasm",
  ]);
  const {
    allowedOrigins = [],
    deviceBinding = true,
    initial,
    push = false,
    remember,
    timeoutMs = 10_000,
    wasm,
  } = given;
  const authorization = checkAuthorization(given.authorization ?? "required");
  const origins = Array.isArray(allowedOrigins) ? allowedOrigins.map((api) => place(api, "origin")) : [undefined];
  if (origins.includes(undefined)) refuse("allowedOrigins", ORIGINS);
  if (!(typeof timeoutMs === "number" && timeoutMs >= 1_000 && timeoutMs <= 60_000))
    refuse("timeoutMs", "1,000 to 60,000");
  if (initial !== undefined && !own(initial).state) refuse("initial", "a status");
  if (remember !== undefined && typeof remember !== "function") refuse("remember", "a function");
  const identity = readIdentity(given);
  if (typeof deviceBinding !== "boolean") refuse("deviceBinding", "a boolean");
  if (typeof push !== "boolean" || (push && !identity.server)) refuse("push", "a boolean, and auth a URL");
  return {
    ...identity,
    allowedOrigins: /** @type {string[]} */ (origins),
    authorization,
    initial: /** @type {Settings["initial"]} */ (initial),
    deviceBinding,
    push,
    remember: /** @type {Settings["remember"]} */ (remember),
    timeoutMs,
    wasm,
  };
}

/**
 * Reads the options that say which session it is: what its first refresh needs.
 *
 * @param {import("./own.js").Fields} given
 * @returns {Pick<Settings, "refresh" | "signOut" | "server" | "key" | "context" | "contexts">}
 */
export function readIdentity({ auth, context: given, storageKey }) {
  const context = checkContext(given ?? "");
  if (storageKey !== undefined && !(typeof storageKey === "string" && /^\P{Cc}{1,100}$/u.test(storageKey)))
    refuse("storageKey", "1 to 100 printable characters");
  const endpoints = readAuth(auth);
  const { refresh } = endpoints;
  const name = storageKey ?? (typeof refresh === "string" ? refresh : refuse("storageKey", NAMED));
  return { ...endpoints, key: `nolapse:${name}`, context, contexts: context ? [context] : [] };
}

/**
 * @param {unknown} value
 * @returns {Authorization}
 */
export function checkAuthorization(value) {
  if (value !== "required" && value !== "optional" && value !== "best_effort")
    refuse("authorization", "required, optional or best_effort");
  return value;
}

/**
 * @param {unknown} value
 * @returns {string}
 */
export function checkContext(value) {
  if (typeof value !== "string" || !/^[!-~]{0,100}$/.test(value))
    refuse("context", "up to 100 visible ASCII characters");
  return value;
}

/**
 * @param {unknown} auth
 * @returns {Pick<Settings, "refresh" | "signOut" | "server">}
 */
function readAuth(auth) {
  if (typeof auth !== "object" || auth === null || auth instanceof URL) {
    if (typeof auth !== "string" && !(auth instanceof URL)) refuse("auth", "a URL, or { refresh, signOut }");
    const server = place(auth, "server") ?? refuse("auth", HTTPS);
    return { server, refresh: `${server}/auth/refresh`, signOut: `${server}/auth/sign-out` };
  }
  const given = own(auth);
  refuseUnknown(given, ["refresh", "signOut"], "auth.");
  const refresh = endpoint(given.refresh, "auth.refresh");
  const signOut = given.signOut === undefined ? undefined : endpoint(given.signOut, "auth.signOut");
  return { server: undefined, refresh, signOut };
}

/**
 * @param {unknown} value
 * @param {string} option
 * @returns {Endpoint}
 */
function endpoint(value, option) {
  if (typeof value === "function") return /** @type {(context: object) => unknown} */ (value);
  if (typeof value !== "string" && !(value instanceof URL)) refuse(option, "a URL or a function");
  return place(value, "endpoint") ?? refuse(option, ENDPOINT);
}

/**
 * @param {unknown} value
 * @param {Parameters<typeof parseUrl>[1]} kind
 */
function place(value, kind) {
  return typeof value === "string" || value instanceof URL ? parseUrl(String(value), kind) : undefined;
}

/**
 * @param {object} object
 * @param {readonly string[]} known
 */
function refuseUnknown(object, known, prefix = "") {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) refuse(prefix + key, "left out");
  }
}
