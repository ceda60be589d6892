/**
 * A browser session that never lapses, with access tokens that always do.
 *
 * @packageDocumentation
 */

import type { SessionError } from "./errors.js";
import type { SessionEvents, SessionStatus, TraceEntry } from "./events.js";
import type { ProviderSignIn, SessionOptions, SessionRequestInit, TokenResponse } from "./options.js";

export * from "./errors.js";
export * from "./events.js";
export * from "./options.js";

/** The key of a method for `using`, where the app's `lib` has one: `ESNext.Disposable`, from TypeScript 5.2 on. */
export type DisposeKey = typeof Symbol extends { readonly dispose: infer Key extends symbol } ? Key : never;

/**
 * A session. Every method works detached: `const { fetch } = session`. With `using`, it is closed at the end of the block.
 */
export interface Session<User = unknown> extends Readonly<Record<DisposeKey, () => void>> {
  /**
   * Resolves when the WebAssembly module is loaded, without waiting for the first refresh. No call needs it: calls made before
   * wait by themselves.
   *
   * Rejects with a {@link SessionError} of code `load_failed`, `unsupported` or `version_mismatch`; so does every call, and
   * the next call loads the module again.
   */
  readonly ready: Promise<void>;
  /**
   * The platform's `fetch`, with a valid token for the page's own origin and the allowed ones.
   *
   * Waits for one refresh if there is no usable token, and retries once if an API rejects the token, unless the call has a
   * stream for its body or was redirected (GET and HEAD: to another origin). Under the same conditions it waits for a step-up and is
   * sent once more: see `step_up_required` of {@link SessionEvents}.
   * A call with an `Authorization` header of its own, or to another origin, is passed through unchanged.
   *
   * @throws SessionError if there is no token and the call needs one; otherwise what `fetch` throws.
   */
  readonly fetch: (input: RequestInfo | URL, init?: SessionRequestInit) => Promise<Response>;
  /**
   * Returns a token that remains valid for at least `minValidityMs` milliseconds (default 0), of this context: never null.
   *
   * @throws SessionError
   */
  readonly getToken: (options?: { minValidityMs?: number; context?: string; signal?: AbortSignal }) => Promise<string>;
  /**
   * Refreshes the token now. With `force`, the refresh is sent after this call, so that the token contains what the auth
   * server knows now (new roles).
   *
   * @throws SessionError
   */
  readonly refresh: (options?: { force?: boolean; signal?: AbortSignal }) => Promise<void>;
  /**
   * Makes a proof that this browser has the key of its session, for the header `DPoP` of a request of the app's own to an endpoint
   * of the auth server that the cookie opens (RFC 9449). For this URL and method (default `GET`), once. `null` without a key:
   * the request is then sent without the header. With `signIn` the request is a sign-in of the app's own, and the key is
   * created if there is none. `challenge` is the body of a response with the error `use_dpop_nonce`: the request is repeated
   * with a proof that has the nonce.
   */
  readonly proof: (request: {
    url: string | URL;
    method?: string;
    signIn?: boolean;
    challenge?: { readonly dpop_nonce?: unknown; readonly server_time?: unknown } | undefined;
  }) => Promise<string | null>;
  /**
   * Signs in: sends the credentials to the auth server's `/auth/sign-in`, or runs the app's own function, which returns a token
   * response, parsed or as the `Response` that contains it. No tab refreshes meanwhile, so no late response can restore an older
   * cookie.
   *
   * With `provider`, signs in through it. In a pop-up, the promise is settled by the outcome; call it in the user's click. By a
   * redirect, the page is left, and its next load has the session, or {@link Session.signInError}; the promise is settled only if
   * the user comes back by the back button: it rejects with an `AbortError`.
   *
   * @throws SessionError with code `sign_in_refused` (and `problem`), `unreachable` or `timeout`; `misconfigured` if there is no
   * usable token in the response; what the function throws. Through a provider: with `provider_denied`, `provider_failed`,
   * `provider_refused`, `account_exists`, `redirect_loop`, `popup_blocked` or `popup_closed`; a `TypeError` if an option is invalid,
   * as a `returnTo` of another origin is.
   */
  readonly signIn: (
    how:
      | ProviderSignIn
      | (Readonly<Record<string, unknown>> & { readonly provider?: never })
      | (() => Promise<TokenResponse<User> | Response>),
  ) => Promise<void>;
  /**
   * Why the last sign-in by redirect failed; `null` without one, and from the next sign-in through a provider on. Known when
   * {@link Session.ready} resolves, before the first change of {@link Session.status}.
   */
  readonly signInError: SessionError | null;
  /**
   * Creates an account and signs in: sends the credentials to the auth server's `/auth/sign-up`.
   *
   * @throws SessionError as {@link Session.signIn}
   */
  readonly signUp: (credentials: Readonly<Record<string, unknown>>) => Promise<void>;
  /**
   * Authenticates the user again (RFC 9470): sends the credentials, `password`, `code` or the `credential` of a passkey, to the auth
   * server's `/auth/step-up`, and refreshes the token, whose `auth_time`, `acr` and `amr` are then new. The session stays the same.
   *
   * @throws SessionError with code `sign_in_refused` (and `problem`), `unreachable` or `timeout`; as {@link Session.refresh}
   */
  readonly stepUp: (credentials: Readonly<Record<string, unknown>>) => Promise<void>;
  /**
   * Signs in with a token response that the app has already.
   *
   * @throws SessionError with code `misconfigured` if there is no usable token in it.
   */
  readonly setTokens: (response: TokenResponse<User>) => Promise<void>;
  /**
   * Signs out, in this tab and all others at once; `everywhere` ends the user's sessions on all devices.
   *
   * `serverNotified` is `false` if the auth server is unreachable: it is notified as soon as possible.
   *
   * With `atProvider`, the page goes on to the provider that the user signed in through, to sign out there as well, if it has a page
   * for that (OpenID Connect RP-Initiated Logout).
   */
  readonly signOut: (options?: { everywhere?: boolean; atProvider?: boolean }) => Promise<{ serverNotified: boolean }>;
  /** The status of the session. */
  readonly status: SessionStatus<User>;
  /** {@link Session.status}, for `useSyncExternalStore`. */
  readonly getSnapshot: () => SessionStatus<User>;
  /** Calls the listener now and at each change of {@link Session.status}; returns what removes it. A Svelte store. */
  readonly subscribe: (listener: (status: SessionStatus<User>) => void) => () => void;
  /** Calls the listener at each event of that type; returns what removes it. */
  readonly on: <Type extends keyof SessionEvents<User>>(
    type: Type,
    listener: (event: SessionEvents<User>[Type]) => void,
  ) => () => void;
  /** Seconds until the current token expires; 0 without one. */
  readonly expiresIn: number;
  /** Returns the last 64 transitions, oldest first; they contain no secrets. */
  readonly trace: () => readonly TraceEntry[];
  /** Closes this object; waiting calls reject with `closed`. The session itself continues. */
  readonly close: () => void;
}

/**
 * Creates the page's session, and sends the first refresh if one is due. The WebAssembly module is loaded meanwhile.
 *
 * @example
 * ```ts
 * import { createSession } from "nolapse";
 *
 * const session = createSession({
 *   auth: "https://auth.example.com",
 *   allowedOrigins: ["https://api.example.com"],
 * });
 * const response = await session.fetch("https://api.example.com/notes");
 * console.log(response.status, session.status.state);
 * ```
 *
 * @throws SessionError with code `misconfigured` (and the option's name in `option`) or `unsupported`.
 */
export declare function createSession<User = unknown>(options: SessionOptions<User>): Session<User>;
