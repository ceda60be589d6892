/** A secret by which a server authenticates: 32 characters or more of those of a bearer token (RFC 6750 §2.1). */
const SECRET = /^(?=.{32})[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Says whether a value can be one of the auth server's `SERVER_SECRETS`. A header takes no other characters.
 *
 * @param {unknown} value
 * @returns {value is string}
 */
export function isServerSecret(value) {
  return typeof value === "string" && SECRET.test(value);
}
