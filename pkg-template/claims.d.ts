/** What access tokens say. */

/** What a valid access token says (RFC 9068 §2.2), and whatever else the auth server puts into it. */
export interface Claims {
  /** Who issued it. */
  readonly iss: string;
  /** Whom it is for. */
  readonly aud: readonly string[];
  /** Whom it is about: the user. */
  readonly sub: string;
  /** The session. */
  readonly sid: string;
  /** The token's own name. */
  readonly jti: string;
  /** The app. */
  readonly client_id: string;
  /** What the user may do. */
  readonly role: string;
  /** What the token is restricted to, such as an organisation. */
  readonly context?: string;
  /** When the user signed in, in seconds since 1970. */
  readonly auth_time?: number;
  /** How strongly the user was authenticated. */
  readonly acr?: string;
  /** How the user was authenticated (RFC 8176), such as `pwd`. */
  readonly amr?: readonly string[];
  /** When it was issued, in seconds since 1970. */
  readonly iat: number;
  /** From when on it is valid, in seconds since 1970. */
  readonly nbf?: number;
  /** The first second at which it is no longer valid, since 1970. */
  readonly exp: number;
  readonly [name: string]: unknown;
}
