/**
 * The API of `nolapse`, in a build that can also check signatures and read claims.
 *
 * @packageDocumentation
 */

import type { Claims } from "./claims.js";
import type { Session } from "./index.js";

export type { Claims } from "./claims.js";
export * from "./index.js";

/** What the claims are checked against. Read as own properties of the object, not of its prototypes. */
export interface ClaimsOptions {
  /**
   * The auth server's public keys: the URL of its JWK Set, or the set itself (RFC 7517 §5).
   *
   * A URL must be https, of the page's own origin, or of this machine. The set is cached for five minutes or what its
   * `Cache-Control` says, if that is less, fetched again for a key that is not in it, at most every ten seconds, and
   * used for a day while the server is away. Redirects are refused, and at most 64 KiB are read.
   */
  jwks: string | URL | { readonly keys: readonly object[] };
  /** The `iss` that the token must have, character by character. */
  issuer: string;
  /** What the token's `aud` must be, or have among others, character by character. */
  audience: string;
}

/**
 * Why a token is refused: the same codes as those of the reference server's verifier. `key_set` is no JWK Set.
 */
export type TokenRefusalCode =
  | "oversize"
  | "malformed"
  | "algorithm"
  | "type"
  | "header"
  | "unknown_key"
  | "signature"
  | "issuer"
  | "audience"
  | "expired"
  | "key_set";

/** The `cause` of a `SessionError` where a token does not pass. */
export interface TokenRefusal extends Error {
  /** The rule that the token breaks. */
  readonly code: TokenRefusalCode;
}

/**
 * Takes the session's current token, waiting for a fresh one if it must, checks it by the rules of the reference
 * server's verifier (form, `typ`, key, signature by `ES256`, `EdDSA`, `Ed25519` or `RS256`, required claims, issuer and
 * audience), and returns its claims.
 *
 * Whether the token has expired is the session's business and not the page's clock's, which may be wrong.
 *
 * @example
 * ```ts
 * import { claims, createSession } from "nolapse/verify";
 *
 * const session = createSession({ auth: "https://auth.example.com" });
 * const { sub } = await claims(session, {
 *   jwks: "https://auth.example.com/.well-known/jwks.json",
 *   issuer: "https://auth.example.com",
 *   audience: "https://api.example.com",
 * });
 * console.log(sub);
 * ```
 *
 * @throws SessionError; with code `misconfigured` where an option is missing (`option` names it), the token does not
 * pass (`cause` is a {@link TokenRefusal}), or the keys cannot be had.
 */
export declare function claims(session: Pick<Session, "getToken">, options: ClaimsOptions): Promise<Claims>;
