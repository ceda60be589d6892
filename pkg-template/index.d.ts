/**
 * A browser session that never lapses, with access tokens that always do.
 *
 * @packageDocumentation
 */

/** What an auth server answers to a sign-in or a refresh (RFC 6749 §5.1, with the session beside it). */
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
}

/** What an app's own refresher returns. */
export interface Grant<User = unknown> {
  /** The access token. */
  accessToken: string;
  /** The token's life in seconds, 2 to 604,800. Left out, `exp − iat` of a JWT is used. */
  expiresIn?: number;
  /** When to refresh, in seconds from now. */
  refreshIn?: number;
  /** The session behind the token. */
  session?: { id: string; user: User };
}

/** Why a refresh is sent. */
export type RefreshReason = "timer" | "load" | "demand" | "rejected" | "force";

/** What an app's own refresher is told. */
export interface RefreshContext {
  /** Why this refresh is sent. */
  reason: RefreshReason;
  /** Whether the page can be seen. */
  page: "visible" | "hidden";
  /** Seconds since the app last made a call or the user last gave input. */
  activeAgo: number;
  /** Aborts when the attempt has reached its deadline or the session was closed. */
  signal: AbortSignal;
}

/** Renews the token by means of the app's own. */
export type Refresher<User = unknown> = (context: RefreshContext) => Promise<Grant<User>>;

/**
 * What an app's own refresher throws to say that the session is over. Any other error is taken as passing.
 *
 * @example
 * ```ts
 * import { createSession, SessionEnded } from "nolapse";
 *
 * const session = await createSession({
 *   auth: {
 *     refresh: async ({ signal }) => {
 *       const answer = await fetch("/token", { method: "POST", signal });
 *       if (answer.status === 401) throw new SessionEnded("expired");
 *       const { token, seconds } = await answer.json();
 *       return { accessToken: token, expiresIn: seconds };
 *     },
 *   },
 * });
 * ```
 */
export declare class SessionEnded extends Error {
  /** Says why; `expired` unless said otherwise. */
  constructor(reason?: SignOutReason);
  /** Tells it from other errors, also across realms and bundled copies. */
  readonly name: "SessionEnded";
  /** Why the session is over. */
  readonly reason: SignOutReason;
}

/** Where the auth server is, or how to do without one. */
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

/** Options of {@link createSession}. Unknown keys are refused, and only own properties count. */
export interface SessionOptions<User = unknown> {
  /** The auth server's origin: the reference protocol is spoken below it. */
  auth: AuthOption<User>;
  /** The origins that may see the token, besides the page's own. Default: none. */
  apis?: readonly (string | URL)[];
  /** Tells two sessions of one page apart. Default: one name for each `auth`. */
  name?: string;
  /** Seconds that one refresh may take, 1 to 60. Default: 10. */
  timeout?: number;
  /** Where the WebAssembly module is. Default: beside this file. */
  wasm?: WasmSource | Promise<WasmSource>;
}

/** Why the user is signed out. `no_cookie`: the auth server saw no cookie (cleared, or blocked by the browser). */
export type SignOutReason =
  | "signed_out"
  | "revoked"
  | "expired"
  | "idle"
  | "reuse_detected"
  | "user_disabled"
  | "no_cookie";

/** Why a refresh failed without ending the session. */
export type FailureCause =
  | "offline"
  | "network"
  | "timeout"
  | "server_error"
  | "rate_limited"
  | "unexpected_answer"
  | "misconfigured"
  | "refresher_failed";

/** Where the session stands. The same object until something in it changes; a new token alone changes nothing. */
export type SessionStatus<User = unknown> =
  | {
      /** Not known yet: the first answer is on its way. */
      readonly state: "unknown";
      /** Why the last refresh failed, or `false`. */
      readonly degraded: false | FailureCause;
    }
  | {
      readonly state: "signed-in";
      readonly user: User;
      readonly sessionId: string;
      /** Why the last refresh failed, or `false`. The session goes on and is retried. */
      readonly degraded: false | FailureCause;
    }
  | {
      readonly state: "signed-out";
      /** Why, or `null` for a visitor who was not signed in. */
      readonly reason: SignOutReason | null;
      /** `false` while the auth server still has to be told of a sign-out. */
      readonly serverTold: boolean;
      readonly degraded: false;
    };

/** A token was renewed, here or by another tab. */
export interface RefreshEvent {
  /** Why it was asked for; `null` where another tab asked. */
  readonly reason: RefreshReason | null;
  /** Who asked the auth server. */
  readonly source: "this-tab" | "other-tab" | "adopted";
  /** How many calls were waiting for it: 0 for a background refresh. */
  readonly waiting: number;
  /** Milliseconds from sending to the answer; 0 where another tab sent it. */
  readonly duration: number;
  /** Seconds until the new token expires. */
  readonly expiresIn: number;
  /** Seconds until the next background refresh. */
  readonly refreshIn: number;
}

/** A refresh failed; the session goes on. */
export interface RefreshFailedEvent {
  /** Why it was asked for. */
  readonly reason: RefreshReason;
  /** What failed. */
  readonly cause: FailureCause;
  /** The HTTP status, or `null` where there was no answer. */
  readonly httpStatus: number | null;
  /** Milliseconds from sending to the failure. */
  readonly duration: number;
  /** How many attempts in a row have failed, this one included. */
  readonly failures: number;
  /** Seconds until the next attempt. */
  readonly retryIn: number;
}

/** A call made with `session.fetch` to a listed origin has its answer. */
export interface CallEvent {
  /** The HTTP method, as it was sent. */
  readonly method: string;
  /** Origin and path, without query. */
  readonly url: string;
  /** Milliseconds that the call waited for a token: 0 where it was there. */
  readonly waited: number;
  /** Seconds since the token was issued, at sending. */
  readonly tokenAge: number;
  /** The status of the answer, or `null` where the network failed. */
  readonly httpStatus: number | null;
  /** Whether the call was sent twice because its first token was refused. */
  readonly retried: boolean;
  /** Milliseconds from the call to its answer. */
  readonly duration: number;
}

/** One transition of the session, without anything secret. */
export interface TraceEntry {
  /** Milliseconds on the clock of this page that keeps counting in sleep. */
  readonly at: number;
  /** What happened. */
  readonly trigger: string;
  /** Where the session stood afterwards. */
  readonly status: "unknown" | "signed-in" | "signed-out";
  /** A random name of this tab. */
  readonly tab: string;
  /** Whether the page could be seen. */
  readonly page: "visible" | "hidden";
  /** The number of the attempt it belongs to, or `null`. */
  readonly attempt: number | null;
  /** What came of it, or `null`. */
  readonly outcome: string | null;
}

/** The events of {@link Session.on}. */
export interface SessionEvents<User = unknown> {
  /** A token was renewed, here or by another tab. */
  refresh: RefreshEvent;
  /** A refresh failed; the session goes on. */
  "refresh-failed": RefreshFailedEvent;
  /** The session is over: why, and what led to it. */
  "signed-out": { readonly reason: SignOutReason; readonly trace: readonly TraceEntry[] };
  /** Another user has signed in, here or in another tab. */
  "user-changed": { readonly user: User; readonly previous: User };
  /** A call to a listed origin has its answer. */
  call: CallEvent;
  /** The session has made a transition. */
  trace: TraceEntry;
}

/** A session. Every method works detached: `const { fetch } = session`. */
export interface Session<User = unknown> {
  /**
   * The platform's `fetch`, with a valid token for the page's own origin and the listed ones.
   *
   * Waits for one refresh where there is no usable token, and retries once where an API refuses the token, unless the call has
   * a stream for its body or was redirected (GET and HEAD: to another origin).
   * A call that has an `Authorization` header of its own, or goes elsewhere, is passed through as it is.
   *
   * @throws SessionError where there is no token to be had; otherwise what `fetch` throws.
   */
  readonly fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
  /**
   * A token with at least `minValidity` seconds of life left (default 0): never null.
   *
   * @throws SessionError
   */
  readonly getToken: (options?: { minValidity?: number; signal?: AbortSignal }) => Promise<string>;
  /**
   * Renews the token now. With `force` the answer is from a refresh that was sent after this call, so that it has
   * what the auth server knows now (new roles).
   *
   * @throws SessionError
   */
  readonly refresh: (options?: { force?: boolean; signal?: AbortSignal }) => Promise<void>;
  /**
   * Takes over the answer of your own sign-in call. Given a function, runs it while no tab refreshes, so that no
   * late answer can put back an older cookie; it may return the parsed answer or the `Response` itself.
   *
   * @throws SessionError with code `misconfigured` where there is no usable token in it; what the function throws.
   */
  readonly adopt: (source: TokenResponse<User> | (() => Promise<TokenResponse<User> | Response>)) => Promise<void>;
  /**
   * Signs out, here and in every tab at once; `everywhere` ends the user's sessions on all devices.
   *
   * `serverTold` is `false` where the auth server could not be reached: it is told as soon as it can be.
   */
  readonly signOut: (options?: { everywhere?: boolean }) => Promise<{ serverTold: boolean }>;
  /** Where the session stands. */
  readonly status: SessionStatus<User>;
  /** {@link Session.status}, for `useSyncExternalStore`. */
  readonly getSnapshot: () => SessionStatus<User>;
  /** Calls the listener now and at each change of {@link Session.status}; returns what ends it. A Svelte store. */
  readonly subscribe: (listener: (status: SessionStatus<User>) => void) => () => void;
  /** Calls the listener at each event of that type; returns what ends it. */
  readonly on: <Type extends keyof SessionEvents<User>>(
    type: Type,
    listener: (event: SessionEvents<User>[Type]) => void,
  ) => () => void;
  /** Seconds that the current token has left; 0 where there is none. */
  readonly expiresIn: number;
  /** The last 64 transitions, oldest first, without anything secret. */
  readonly trace: () => readonly TraceEntry[];
  /** Ends the SDK's work on this page; waiting calls reject with `closed`. The session itself goes on. */
  readonly close: () => void;
  /** {@link Session.close}, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * Creates the page's session.
 *
 * Resolves when the SDK is loaded, without waiting for the first refresh, which is on its way by then.
 *
 * @example
 * ```ts
 * import { createSession } from "nolapse";
 *
 * const session = await createSession({
 *   auth: "https://auth.example.com",
 *   apis: ["https://api.example.com"],
 * });
 * const answer = await session.fetch("https://api.example.com/notes");
 * console.log(answer.status, session.status.state);
 * ```
 *
 * @throws SessionError with code `misconfigured` (and the option's name in `option`), `load_failed`, `unsupported` or `version_mismatch`.
 */
export declare function createSession<User = unknown>(options: SessionOptions<User>): Promise<Session<User>>;

/** What a {@link SessionError} is about. The list only grows with a major version. */
export type SessionErrorCode =
  /** Nobody is signed in. */
  | "signed_out"
  /** The auth server cannot be reached or cannot answer; the session goes on. */
  | "unreachable"
  /** No answer within the deadline; the session goes on. */
  | "timeout"
  /** An option is wrong, or the auth server refuses the SDK's requests as such. */
  | "misconfigured"
  /** No token lives as long as `minValidity` asks. */
  | "min_validity"
  /** More calls wait for a token than the SDK keeps. */
  | "overloaded"
  /** The session object was closed. */
  | "closed"
  /** The WebAssembly module could not be downloaded; the next call tries again. */
  | "load_failed"
  /** The platform lacks what a session needs, or the page's policy does not allow WebAssembly. */
  | "unsupported"
  /** Parts of two releases are mixed. */
  | "version_mismatch"
  /** A bug of the SDK; the next call starts afresh. */
  | "internal";

/** Every rejection of the SDK that is not the platform's own. */
export declare class SessionError extends Error {
  /** Made by the SDK; by apps in tests of their own. */
  constructor(code: SessionErrorCode, message: string, details?: SessionErrorDetails);
  /** Tells it from other errors, also across realms and bundled copies. */
  readonly name: "SessionError";
  /** What it is about: see {@link SessionErrorCode}. */
  readonly code: SessionErrorCode;
  /** With `signed_out`: why. */
  readonly reason: SignOutReason | null;
  /** With `unreachable`, `timeout` and `misconfigured`: what failed. */
  readonly failure: FailureCause | null;
  /** Seconds until the SDK itself tries again, where it does. */
  readonly retryIn: number | null;
  /** With `misconfigured`: the option's name, where it is an option. */
  readonly option: string | null;
}

/** What a {@link SessionError} knows besides its code. */
export interface SessionErrorDetails {
  /** With `signed_out`: why. */
  reason?: SignOutReason;
  /** With `unreachable`, `timeout` and `misconfigured`: what failed. */
  failure?: FailureCause;
  /** Seconds until the SDK itself tries again. */
  retryIn?: number;
  /** With `misconfigured`: the option's name. */
  option?: string;
  /** What it came from. */
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
