/** The errors of a session, and the one by which an app's own refresher ends it. */

import type { FailureCause, SignOutReason } from "./events.js";

/** The codes of a {@link SessionError}. The list only grows with a major version. */
export type SessionErrorCode =
  /** There is no session. */
  | "signed_out"
  /** The auth server rejects the credentials; `problem` has its error code. */
  | "sign_in_refused"
  /** The auth server is unreachable or fails; the session continues. */
  | "unreachable"
  /** No response within the timeout; the session continues. */
  | "timeout"
  /** An option is invalid, or the auth server rejects the SDK's requests themselves. */
  | "misconfigured"
  /** No token has the requested minimum validity. */
  | "min_validity"
  /** The auth server grants the user no token of this context. */
  | "context_refused"
  /** The limit of waiting calls is reached. */
  | "overloaded"
  /** The session object was closed. */
  | "closed"
  /** The WebAssembly module could not be downloaded; the next call tries again. */
  | "load_failed"
  /** The platform lacks a required API, or the page's policy does not allow WebAssembly. */
  | "unsupported"
  /** The module is from another release. */
  | "version_mismatch"
  /** The user or the provider denied the sign-in (`access_denied`). */
  | "provider_denied"
  /** The provider is unreachable, or its response is not valid. */
  | "provider_failed"
  /** The auth server refuses the provider's response: it is not for this sign-in, or not from this provider. */
  | "provider_refused"
  /** The provider's user has the e-mail address of another account: sign in to that, then link the provider. */
  | "account_exists"
  /** The page went to the provider three times within a minute; `retryInMs` tells when it may again. */
  | "redirect_loop"
  /** The browser blocked the pop-up. */
  | "popup_blocked"
  /** The pop-up was closed before the sign-in was complete. */
  | "popup_closed"
  /** A bug in the SDK; the next call starts a new instance. */
  | "internal";

/** The error of every rejection by the SDK. */
export declare class SessionError extends Error {
  /** Creates an error, for tests. */
  constructor(code: SessionErrorCode, message: string, details?: SessionErrorDetails);
  /** Identifies the class across realms and bundled copies. */
  readonly name: "SessionError";
  /** The code: see {@link SessionErrorCode}. */
  readonly code: SessionErrorCode;
  /** With `signed_out`: why. */
  readonly reason: SignOutReason | null;
  /** With `unreachable`, `timeout` and `misconfigured`: what failed. */
  readonly failure: FailureCause | null;
  /** Milliseconds until the SDK retries; with `sign_in_refused`, until the app may. `null` if unknown. */
  readonly retryInMs: number | null;
  /** With `misconfigured`: the name of the invalid option. */
  readonly option: string | null;
  /** With `sign_in_refused`: the `error` of the auth server's response, like `invalid_credentials`. */
  readonly problem: string | null;
}

/** Details of a {@link SessionError} besides its code. */
export interface SessionErrorDetails {
  /** With `signed_out`: why. */
  reason?: SignOutReason;
  /** With `unreachable`, `timeout` and `misconfigured`: what failed. */
  failure?: FailureCause;
  /** Milliseconds until the next attempt. */
  retryInMs?: number;
  /** With `misconfigured`: the name of the invalid option. */
  option?: string;
  /** With `sign_in_refused`: the `error` of the auth server's response. */
  problem?: string;
  /** The cause. */
  cause?: unknown;
}

/**
 * Whether this is a {@link SessionError} (of that code); also across realms and bundled copies.
 *
 * @example
 * ```ts
 * import { isSessionError } from "nolapse";
 *
 * try {
 *   await session.fetch("https://api.example.com/notes");
 * } catch (error) {
 *   if (isSessionError(error, "signed_out")) location.assign("/sign-in");
 *   else throw error;
 * }
 * ```
 */
export declare function isSessionError<Code extends SessionErrorCode = SessionErrorCode>(
  error: unknown,
  code?: Code,
): error is SessionError & { readonly code: Code };

/**
 * Thrown by an app's own refresher when the session has ended. Any other error counts as transient.
 *
 * @example
 * ```ts
 * import { createSession, SessionEnded } from "nolapse";
 *
 * const session = createSession({
 *   auth: {
 *     refresh: async ({ signal }) => {
 *       const response = await fetch("/token", { method: "POST", signal });
 *       if (response.status === 401) throw new SessionEnded("expired");
 *       const { token, seconds } = await response.json();
 *       return { access_token: token, expires_in: seconds };
 *     },
 *   },
 *   storageKey: "my-app",
 * });
 * ```
 */
export declare class SessionEnded extends Error {
  /** Creates the error; the default reason is `expired`. */
  constructor(reason?: SignOutReason);
  /** Identifies the class across realms and bundled copies. */
  readonly name: "SessionEnded";
  /** Why the session is over. */
  readonly reason: SignOutReason;
}
