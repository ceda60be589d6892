/** Reads and checks the options of a session. */

import { own } from "./own.js";
import { parseUrl } from "./origins.js";

/** @typedef {string | ((context: object) => unknown)} Endpoint a reference protocol URL or the app's own function */

/**
 * Checked options.
 *
 * @typedef {object} Settings
 * @property {string} key the name of the session's lock, channel and storage record
 * @property {Endpoint} refresh
 * @property {Endpoint | undefined} signOut `undefined`: sign-out is local
 * @property {string[]} apis origins
 * @property {number} timeout in seconds
 * @property {unknown} wasm the source of the module, as given
 */

const HTTPS = "an https URL (http only for this machine) without credentials";
const ENDPOINT = "an https URL (http only for this machine) or a path like /refresh";
const ORIGINS = "an array of origins like https://api.example.com";

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
  refuseUnknown(given, ["auth", "apis", "name", "timeout", "wasm"]);
  const { auth, apis = [], name, timeout = 10, wasm } = given;
  const origins = Array.isArray(apis) ? apis.map((api) => place(api, "origin")) : [undefined];
  if (origins.includes(undefined)) refuse("apis", ORIGINS);
  if (name !== undefined && !(typeof name === "string" && /^\P{Cc}{1,100}$/u.test(name)))
    refuse("name", "1 to 100 characters, no control character");
  if (!(typeof timeout === "number" && timeout >= 1 && timeout <= 60))
    refuse("timeout", "a number of seconds, 1 to 60");
  const { refresh, signOut } = readAuth(auth);
  const key = `nolapse:${name ?? (typeof refresh === "string" ? refresh : "custom")}`;
  return { key, refresh, signOut, apis: /** @type {string[]} */ (origins), timeout, wasm };
}

/**
 * @param {unknown} auth
 * @returns {{ refresh: Endpoint, signOut: Endpoint | undefined }}
 */
function readAuth(auth) {
  if (typeof auth !== "object" || auth === null || auth instanceof URL) {
    if (typeof auth !== "string" && !(auth instanceof URL)) refuse("auth", "a URL, or { refresh, signOut }");
    const root = place(auth, "server") ?? refuse("auth", HTTPS);
    return { refresh: `${root}/auth/refresh`, signOut: `${root}/auth/sign-out` };
  }
  const given = own(auth);
  refuseUnknown(given, ["refresh", "signOut"], "auth.");
  const refresh = endpoint(given.refresh, "auth.refresh");
  return { refresh, signOut: given.signOut === undefined ? undefined : endpoint(given.signOut, "auth.signOut") };
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
    if (!known.includes(key)) refuse(prefix + key, "left out: there is no such option");
  }
}
