/**
 * The API of `nolapse`, in a build that can also check signatures and read claims.
 *
 * @packageDocumentation
 */

import type { Session } from "./index.js";

export * from "./index.js";

/** What a valid access token says (RFC 9068 §2.2), and whatever else the auth server puts into it. */
export interface Claims {
  /** Who issued it. */
  readonly iss?: string;
  /** Whom it is for. */
  readonly aud: readonly string[];
  /** Whom it is about: the user. */
  readonly sub?: string;
  /** Seconds since 1970. */
  readonly iat?: number;
  /** Seconds since 1970. */
  readonly nbf?: number;
  /** Seconds since 1970. */
  readonly exp: number;
  readonly [name: string]: unknown;
}

/** What the claims are checked against. */
export interface ClaimsOptions {
  /** The auth server's public keys: the URL of its JWK Set, or the set itself (RFC 7517 §5). */
  jwks: string | URL | { readonly keys: readonly object[] };
  /** The `iss` that the token must have. */
  issuer?: string;
  /** One of the `aud` that the token must have. */
  audience?: string;
}

/**
 * Takes the session's current token, waiting for a fresh one if it must, checks its Ed25519 signature, type, key,
 * issuer and audience, and returns its claims.
 *
 * Whether the token has expired is the session's business and not the page's clock's, which may be wrong.
 *
 * @example
 * ```ts
 * import { claims, createSession } from "nolapse/verify";
 *
 * const session = await createSession({ auth: "https://auth.example.com" });
 * const jwks = "https://auth.example.com/.well-known/jwks.json";
 * const { sub } = await claims(session, { jwks, issuer: "https://auth.example.com" });
 * console.log(sub);
 * ```
 *
 * @throws SessionError; with code `misconfigured` where the token does not pass, or the keys cannot be had.
 */
export declare function claims(session: Pick<Session, "getToken">, options: ClaimsOptions): Promise<Claims>;
