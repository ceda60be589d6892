/**
 * A browser session that never lapses, with access tokens that always do.
 *
 * @packageDocumentation
 */

import type { FailureCause, RefreshReason, SessionEvents, SessionStatus, SignOutReason, TraceEntry } from "./events.js";

export * from "./events.js";

/** A token response to a sign-in or a refresh (RFC 6749 §5.1, with the session beside it). */
export interface TokenResponse<User = unknown> {
  /** The access token, sent to APIs as `Authorization: Bearer …`. */
  access_token: string;
  /** Always `Bearer`, in any case. */
  token_type?: string;
  /** The token's life in seconds, 2 to 604,800. Left out, `exp − iat` of a JWT is used. */
  expires_in?: number;
  /** When to refresh, in seconds from now; the default is `expires_in − min(10, expires_in / 6)`. */
  refresh_in?: number;
  /** The session behind the token. */
  session?: { id: string; user: User };
  /** The access tokens of the contexts that were requested. One without a token is refused. They live as long as the first. */
  contexts?: Readonly<Record<string, { access_token?: string }>>;
}

/** The context of a refresh, for an app's own refresher. */
export interface RefreshContext {
  /** Why this refresh is sent. */
  reason: RefreshReason;
  /** Whether the page is visible. */
  page: "visible" | "hidden";
  /** Milliseconds since the app last made a call or the user last gave input. */
  activeAgoMs: number;
  /** Aborts when the attempt has reached its deadline or the session was closed. */
  signal: AbortSignal;
  /** The contexts to return tokens for, in `contexts`: the session's, those of waiting calls and those of other tabs. */
  contexts: readonly string[];
}

/** An app's own refresher: returns a token response, parsed or as the `Response` that contains it. */
export type Refresher<User = unknown> = (context: RefreshContext) => Promise<TokenResponse<User> | Response>;

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

/** The auth server, or the app's own endpoints and functions in its place. */
export type AuthOption<User = unknown> =
  | string
  | URL
  | {
      /** The URL that renews the token with the reference protocol, or the app's own function. */
      refresh: string | URL | Refresher<User>;
      /** The URL that ends the session, or the app's own function. Left out, signing out is local. */
      signOut?: string | URL | ((context: { everywhere: boolean; signal: AbortSignal }) => Promise<void>);
    };

/** Where to load the WebAssembly module from, in place of the file beside this one. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/**
 * Whether a call needs a token. `required`: it is rejected without one. `optional`: it is sent without one where nobody is signed
 * in. `best_effort`: it is sent without one also where the auth server is unreachable, without waiting for its recovery.
 */
export type Authorization = "required" | "optional" | "best_effort";

/** Options of a call: those of the platform's `fetch`, and the session's own. */
export interface SessionRequestInit extends RequestInit {
  /** Whether this call needs a token. Default: the session's. */
  authorization?: Authorization;
  /** The context of the token: see {@link SessionOptions.context}. Default: the session's; `""` for none. */
  context?: string;
  /** Whether the call runs without the user, as polling does: it then does not count as activity. Default: `false`. */
  background?: boolean;
}

/** Options of {@link Session.signIn} through a provider: an OpenID Connect server that the auth server knows. */
export interface ProviderSignIn {
  /** The provider's name: one of `GET /auth/providers`. */
  provider: string;
  /** Whether the page goes to the provider, or opens it in a pop-up. Default: `redirect`. */
  display?: "redirect" | "popup";
  /** Where the page is afterwards, of its own origin; relative to its URL. Default: where it is. With `popup`, the page stays. */
  returnTo?: string | URL;
  /** Whether to link the provider to the user who is signed in, instead of signing in. Default: `false`. */
  link?: boolean;
  /** Aborts the wait; a pop-up is closed. */
  signal?: AbortSignal;
}

/** Options of {@link createSession}. Unknown keys are refused, and only own properties count. */
export interface SessionOptions<User = unknown> {
  /** The auth server's origin: the reference protocol is spoken below it. */
  auth: AuthOption<User>;
  /** The origins that may receive the token, besides the page's own. Default: none. */
  allowedOrigins?: readonly (string | URL)[];
  /** Whether calls need a token: see {@link Authorization}. Default: `required`. */
  authorization?: Authorization;
  /**
   * What the tokens of calls are restricted to, beside the user: an organisation, an audience (RFC 8707) or a role, by a name that
   * the auth server knows, up to 100 visible ASCII characters. One refresh brings the tokens of up to 16 contexts to all tabs.
   * Default: none.
   */
  context?: string;
  /**
   * Whether a sign-in binds its session to a key of this browser (RFC 9449), without which a copied cookie is worth nothing: with
   * `auth` a URL, and where there are IndexedDB and WebCrypto. A session that is bound stays so. Default: `true`.
   */
  deviceBinding?: boolean;
  /**
   * The status until the first response: the `initial` of `getSession` (`nolapse/server`), from the HTML of the page. Has no token: calls
   * wait for the first refresh as ever, and if that knows better, the status changes. Default: `unknown`.
   */
  initial?: SessionStatus<User>;
  /**
   * Whether to learn of a revocation within a second, from one stream per browser (`GET /auth/events` below `auth`, which must be a
   * URL), which a visible page holds. Default: `false`: within one token life.
   */
  push?: boolean;
  /**
   * Returns what of the user may be kept in `localStorage` until the sign-out, as JSON, for `lastUser` of an `unknown` status;
   * `null` for nothing. Default: the user's `id`.
   */
  remember?: (user: User) => unknown;
  /**
   * Names the session's lock, channel and storage record. Default: the URL that renews the token; required if `auth.refresh` is a
   * function. The cookie is the auth server's: two accounts of one browser need a path of it each, not a key alone.
   */
  storageKey?: string;
  /** Timeout of one request to the auth server in milliseconds, 1,000 to 60,000. Default: 10,000. */
  timeoutMs?: number;
  /** Where the WebAssembly module is. Default: beside this file. */
  wasm?: WasmSource | Promise<WasmSource>;
}

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
