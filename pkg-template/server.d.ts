/**
 * Verifies access tokens at an API server: Node 20 and newer, Deno, Bun, Workers. Needs the package `jose`, and nothing else of
 * `nolapse`.
 *
 * @packageDocumentation
 */

import type { Claims } from "./claims.js";

import type { SessionReader, SessionReaderOptions } from "./rendering.js";

export type { Claims } from "./claims.js";
export type {
  RequestSource,
  ServerSession,
  SessionReader,
  SessionReaderOptions,
  UnknownCause,
} from "./rendering.js";

/** What tokens are checked against. Read as own properties of the object, not of its prototypes. */
export interface VerifierOptions {
  /** The `iss` that a token must have, character by character (RFC 7519 §2): the auth server's `ISSUER`. */
  issuer: string;
  /** What a token's `aud` must be, or have among others, character by character: this API's name. */
  audience: string;
  /**
   * The auth server's public keys: the URL of its JWK Set, or the set itself (RFC 7517 §5). Without it, the URL is
   * `/.well-known/jwks.json` below the issuer.
   *
   * A URL must be https, or of this machine. The set is cached for five minutes or what its `Cache-Control` says, if that is
   * less, fetched again for a key that is not in it, at most every ten seconds, and used for a day while the auth server is
   * away. Redirects are not followed, and at most 64 KiB are read.
   */
  jwks?: string | URL | { readonly keys: readonly object[] };
  /** How many seconds ago the user may have been authenticated, `auth_time` (RFC 9470). Without it, any time. */
  maxAge?: number;
  /** The values of `acr` of which the token must have one, the preferred first (RFC 9470). Without it, any. */
  acrValues?: readonly string[];
  /**
   * Follows what the auth server revokes, from the creation of the verifier until {@link Verifier.close}. Without it, a token is
   * accepted until it expires. For servers that stay: keep one verifier for the process, not one for each request; in Workers,
   * one for a Durable Object, created in a call of it.
   */
  revocations?: {
    /** One of the auth server's `SERVER_SECRETS`. */
    secret: string;
    /** The stream, https or of this machine. Without it, `/auth/revocations` below the issuer. Redirects are not followed. */
    url?: string | URL;
  };
}

/** What the auth server revoked: a session, or the tokens of a user that were issued until then. `at` is in milliseconds since 1970, by the auth server's clock. */
export type Revocation =
  | { readonly sid: string; readonly sub?: never; readonly at: number }
  | { readonly sub: string; readonly sid?: never; readonly at: number };

/** Whether revocations arrive: what {@link Verifier.live} returns. */
export interface FeedState {
  /** Whether all that is known to the auth server was read, and revocations of all its servers arrive. */
  readonly live: boolean;
  /** When that began or ended, in milliseconds since 1970; `null` without `revocations`. */
  readonly since: number | null;
}

/** What one call is checked against besides. */
export interface VerifyOptions {
  /** In place of the verifier's `maxAge`. */
  maxAge?: number;
  /** In place of the verifier's `acrValues`. */
  acrValues?: readonly string[];
}

/** A web `Request`, its `Headers`, or a token by itself. Only the header `authorization` is read. */
export type TokenSource =
  | string
  | { get(name: string): string | null }
  | { readonly headers: { get(name: string): string | null } };

/** Checks tokens of one issuer for one audience. */
export interface Verifier {
  /**
   * Checks the bearer token of a request: size, form, header, key, signature, claims, issuer, audience and times. The leeway is
   * zero on `exp` and five seconds on `iat` and `nbf`, by this machine's clock.
   *
   * What the user may do is the app's to decide, by `role` and `context` of the claims: a token without `context` is of no
   * organisation.
   *
   * @returns the claims, frozen and without a prototype
   * @throws VerifyError
   */
  verify(source: TokenSource, options?: VerifyOptions): Promise<Claims>;
  /**
   * Returns whether revocations arrive: within a second then, and all of them. While they do not, what is known stays revoked,
   * nothing else is refused, and a token ends by itself, after 60 s by default; the stream is opened again, with pauses of
   * 15 s at most, and has what was missed. A stream that is silent is lost after 15 s. For metrics and health checks.
   */
  live(): FeedState;
  /**
   * Calls back for each revocation, for servers with long-lived sockets: what was revoked within a token's life comes
   * first. A session comes once.
   *
   * @returns a function that ends it
   * @throws TypeError without `revocations`
   */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
  /** Ends the stream, which otherwise keeps the process alive. Tokens can still be verified. */
  close(): void;
}

/**
 * Why a token is refused: the codes of the Rust verifier. `no_keys` is none of the token: the keys cannot be fetched.
 * `insufficient_user_authentication` is a good token whose authentication is longer ago than
 * `maxAge`, or none of `acrValues`.
 */
export type VerifyErrorCode =
  | "missing"
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
  | "early"
  | "revoked"
  | "no_keys"
  | "insufficient_user_authentication";

/** A request without a valid token, and the response to it. Repeats no part of the token. */
export declare class VerifyError<Code extends VerifyErrorCode = VerifyErrorCode> extends Error {
  private constructor();
  /** Always `VerifyError`. */
  override readonly name: "VerifyError";
  /** The rule that the token breaks. For logs and counters: the response does not tell it. */
  readonly code: Code;
  /** The status of the response: 401, or 503 for `no_keys`. */
  readonly status: 401 | 503;
  /** The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9470 §3), which a 503 has not. */
  readonly challenge: string | null;
  /** The headers of the response, the challenge among them. Their names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body of the response, JSON: `error` and `error_description`. */
  readonly body: string;
  /** Creates the response. */
  toResponse(): Response;
}

/**
 * Says whether an error is a {@link VerifyError}, of whichever copy of the package.
 *
 * @example
 * ```ts
 * import { isVerifyError } from "nolapse/server";
 *
 * export const respond = (error: unknown): Response => {
 *   if (isVerifyError(error)) return error.toResponse();
 *   throw error;
 * };
 * ```
 */
export declare function isVerifyError<Code extends VerifyErrorCode = VerifyErrorCode>(
  error: unknown,
  code?: Code,
): error is VerifyError<Code>;

/**
 * Creates a verifier. Sends nothing until a token is verified.
 *
 * @example
 * ```ts
 * import { createVerifier, isVerifyError } from "nolapse/server";
 *
 * const verifier = createVerifier({
 *   issuer: "https://auth.example.com",
 *   audience: "https://api.example.com",
 * });
 *
 * export default {
 *   async fetch(request: Request): Promise<Response> {
 *     try {
 *       const { sub } = await verifier.verify(request);
 *       return Response.json({ user: sub });
 *     } catch (error) {
 *       if (isVerifyError(error)) return error.toResponse();
 *       throw error;
 *     }
 *   },
 * };
 * ```
 *
 * @throws TypeError where an option is missing or wrong; its message names the option.
 */
export declare function createVerifier(options: VerifierOptions): Verifier;

/**
 * Creates a reader of sessions, for servers that render pages. Sends nothing until a request is read.
 *
 * @example
 * ```ts
 * import { createSessionReader } from "nolapse/server";
 *
 * const { getSession } = createSessionReader<{ id: string; email: string }>({
 *   issuer: "https://app.example.com",
 *   audience: "https://api.example.com",
 *   secret: "a secret of the auth server's SERVER_SECRETS".replaceAll(" ", "-"),
 * });
 *
 * export const greeting = async (request: Request): Promise<string> => {
 *   const { user } = await getSession(request);
 *   return user === null ? "Sign in" : `Hello, ${user.email}`;
 * };
 * ```
 *
 * @throws TypeError where an option is missing or wrong; its message names the option.
 */
export declare function createSessionReader<User = unknown>(options: SessionReaderOptions): SessionReader<User>;
