/** Reads cookies of a request, whatever framework it is of. */

/** @typedef {import("../rendering.js").RequestSource} RequestSource */

/**
 * Returns a header; an empty text without one.
 *
 * @param {RequestSource} source
 * @param {string} name in lower case
 * @returns {string}
 */
export function headerOf(source, name) {
  const headers = "headers" in source ? source.headers : source;
  const value =
    "get" in headers && typeof headers.get === "function" ? headers.get(name) : /** @type {Fields} */ (headers)[name];
  return typeof value === "string" ? value : "";
}

/** The headers of a request of Node, by their names in lower case. @typedef {{ readonly [name: string]: unknown }} Fields */

/**
 * Returns the value of the cookie with this name (RFC 6265 §5.4); `undefined` if there is none, or more than one, as the auth
 * server judges it.
 *
 * @param {string} header
 * @param {string} name
 */
export function onlyCookie(header, name) {
  const values = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 && values[0] ? values[0] : undefined;
}
