/** The access tokens of one token response, as calls send them. */

/**
 * An access token.
 *
 * @typedef {object} Bearer
 * @property {number} version
 * @property {string} token empty: the auth server refuses the context
 * @property {string} header the value of the `Authorization` header
 * @property {string} context empty for none
 */

/**
 * Reads a token, and pairs of a context and its token, all separated by spaces.
 *
 * @param {number} version
 * @param {string} tokens
 * @returns {Map<string, Bearer>} by context
 */
export function readBearers(version, tokens) {
  const fields = ["", ...tokens.split(" ")];
  const bearers = new Map();
  for (let at = 0; at < fields.length; at += 2) {
    const [context = "", token = ""] = fields.slice(at, at + 2);
    bearers.set(context, { version, token, header: `Bearer ${token}`, context });
  }
  return bearers;
}

/**
 * Returns the token of a context that a caller was settled with.
 *
 * @param {unknown} settled
 * @param {string} context
 */
export function bearerIn(settled, context) {
  return /** @type {Bearer} */ (/** @type {Map<string, Bearer>} */ (settled).get(context));
}
