/** The contexts of a look-up: the names that are asked for, and the tokens that are returned. */

import { own } from "../../src/host/own.js";

/** The most contexts of one look-up: `MAX_CONTEXTS` in `wire.rs`. */
const MAX_CONTEXTS = 16;

/** Visible ASCII, at most `MAX_CONTEXT_BYTES` in `wire.rs`. */
const NAME = /^[!-~]{1,100}$/;

/**
 * Reads the option `contexts`.
 *
 * @param {unknown} value
 * @param {unknown} secret that of the look-up
 * @returns {readonly string[]} each name once
 * @throws {TypeError} where it is no list of names, or nothing can be looked up
 */
export function readContexts(value, secret) {
  if (value === undefined) return [];
  const isList = Array.isArray(value) && value.every((name) => typeof name === "string" && NAME.test(name));
  const names = isList ? [...new Set(value)] : [];
  if (!isList || names.length > MAX_CONTEXTS)
    throw new TypeError(`contexts must be up to ${MAX_CONTEXTS} names of 1 to 100 visible ASCII characters`);
  if (names.length > 0 && secret === undefined)
    throw new TypeError("contexts takes a secret: the tokens are looked up");
  return names;
}

/**
 * Reads the tokens of contexts that a look-up returned. One that was refused, or that nobody asked for, is left out.
 *
 * @param {unknown} given
 * @param {readonly string[]} names
 * @returns {Readonly<Record<string, string>>} without a prototype, frozen
 */
export function contextTokens(given, names) {
  const granted = own(given);
  /** @type {Record<string, string>} */
  const tokens = Object.create(null);
  for (const name of names) {
    const { access_token: token } = own(granted[name]);
    if (typeof token === "string") tokens[name] = token;
  }
  return Object.freeze(tokens);
}

/** The tokens where none was looked up. */
export const NO_CONTEXTS = /* @__PURE__ */ contextTokens(undefined, []);
