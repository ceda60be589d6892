/** What a server that renders pages knows of the user. */

import type { Claims } from "./claims.js";
import type { SessionStatus, SignOutReason } from "./events.js";
import type { Verifier, VerifierOptions } from "./server.js";

/** A web `Request`, its `Headers`, or a request of Node. Only `cookie` and `sec-fetch-site` are read. */
export type RequestSource =
  | { get(name: string): string | null }
  | { readonly headers: { get(name: string): string | null } | { readonly cookie?: string | undefined } };

/** Options of a session reader: those of its verifier, and how to look a session up. */
export interface SessionReaderOptions extends VerifierOptions {
  /** A secret of the auth server's `SERVER_SECRETS`. Without it, the page cookie alone is read (`PAGE_COOKIE=1`). */
  secret?: string | undefined;
  /**
   * Where the auth server answers this server, such as `http://10.0.0.5:8787`. Secret and cookie are sent there: https, or a network
   * of your own. Default: the issuer.
   */
  auth?: string | URL;
  /** The name of the account, where the auth server has `ACCOUNT_PATHS`. */
  account?: string | undefined;
  /** Timeout of a look-up in milliseconds. Default: 2,000, because the page waits for it. */
  timeoutMs?: number;
  /**
   * The contexts whose tokens are wanted besides: up to 16 names of 1 to 100 visible ASCII characters. Needs `secret`: each request with a
   * refresh cookie is looked up then, because the page cookie has the token without a context alone.
   */
  contexts?: readonly string[];
}

/**
 * Why it is not known who is signed in. `cross_site`: another site's link has led here, the browser keeps the refresh cookie
 * back, and the page cookie has expired. `misconfigured`: the secret is missing or wrong, or issuer or audience is another's. The others:
 * the auth server, or its key set, does not answer.
 */
export type UnknownCause =
  | "cross_site"
  | "misconfigured"
  | "network"
  | "timeout"
  | "server_error"
  | "rate_limited"
  | "unexpected_answer"
  | "no_keys";

/** Whose session a request is of. */
export type ServerSession<User = unknown> =
  | {
      /** There is a session. */
      readonly state: "signed_in";
      /** Its user, as token responses have it. */
      readonly user: User;
      /** What its token says. */
      readonly claims: Claims;
      /** An access token for calls to APIs during this request. Not for the HTML. */
      readonly token: string;
      /**
       * The access tokens of the option `contexts`, by name, as the auth server returned them: they are not verified. One that is not there was
       * refused, or nothing could be looked up: the auth server is away, or the request had no refresh cookie. Not for the HTML.
       */
      readonly contexts: Readonly<Record<string, string>>;
      /** When the token expires, in milliseconds since 1970. */
      readonly expiresAt: number;
      /** What the page's session starts with: the option `initial` of `createSession`. Has no token. */
      readonly initial: SessionStatus<User>;
    }
  | {
      /** There is no session. */
      readonly state: "signed_out";
      /** Nobody. */
      readonly user: null;
      /** Why, or `null` for a visitor. */
      readonly reason: SignOutReason | null;
      /** What the page's session starts with. */
      readonly initial: SessionStatus<User>;
    }
  | {
      /** Not known: render the page for nobody, and let its session find out. */
      readonly state: "unknown";
      /** Nobody. */
      readonly user: null;
      /** Why. */
      readonly cause: UnknownCause;
      /** The error, for the log. Has neither token nor cookie. */
      readonly error?: unknown;
      /** What the page's session starts with. */
      readonly initial: SessionStatus<User>;
    };

/** Reads whose session a request is of. */
export interface SessionReader<User = unknown> {
  /**
   * Verifies the page cookie, which takes no request; without a good one, asks the auth server once (`POST /auth/session`). Nothing is
   * rotated, so any number of requests may be read at once. One request is read once, however often this is called with it.
   *
   * For the page that is rendered alone. A handler that changes something must not take a cookie for a permission: see
   * {@link Verifier.verify}.
   *
   * @returns never rejects: an outage is `unknown`
   */
  getSession(request: RequestSource): Promise<ServerSession<User>>;
}
