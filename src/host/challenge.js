/** What the challenge of a 401 says about the token. */

/**
 * Whether another token may help: a 401 whose Bearer challenge has no error code, or `invalid_token` (RFC 6750 §3.1), or whose
 * challenge cannot be read (CORS). Not for `insufficient_scope`, `insufficient_user_authentication` (RFC 9470 §3) or another
 * scheme.
 *
 * @param {Pick<Response, "status" | "headers">} response
 */
export function isTokenRejected({ status, headers }) {
  const challenge = headers.get("www-authenticate") || "bearer";
  return status === 401 && /bearer(?:(?!error=).)*(?:error="?invalid_token|$)/is.test(challenge);
}
