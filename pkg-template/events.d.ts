/** What a session tells: its status and its events. */

import type { SessionError } from "./errors.js";

/** Why a refresh is sent. */
export type RefreshReason = "timer" | "load" | "demand" | "rejected" | "force";

/**
 * Why the user is signed out. `no_cookie`: the auth server saw no cookie (cleared, or blocked by the browser). `key_lost`: the key
 * that the session is bound to is gone from this browser.
 */
export type SignOutReason =
  | "signed_out"
  | "revoked"
  | "expired"
  | "idle"
  | "reuse_detected"
  | "user_disabled"
  | "no_cookie"
  | "key_lost";

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

/** The status of the session. The same object until a value in it changes; a new token alone changes nothing. */
export type SessionStatus<User = unknown> =
  | {
      /** Not known yet: the first response is pending. */
      readonly state: "unknown";
      /** Why the last refresh failed, or `null`. */
      readonly failure: FailureCause | null;
      /** What was kept of the user who was signed in last (`remember`), unverified; `null` without. */
      readonly lastUser: unknown;
    }
  | {
      readonly state: "signed_in";
      readonly user: User;
      readonly sessionId: string;
      /** Why the last refresh failed, or `null`. The session continues, and the refresh is retried. */
      readonly failure: FailureCause | null;
    }
  | {
      readonly state: "signed_out";
      /** Why, or `null` for a visitor who was not signed in. */
      readonly reason: SignOutReason | null;
      /** `false` until the auth server is notified of a sign-out. */
      readonly serverNotified: boolean;
      readonly failure: null;
    };

/** The token was refreshed, by this tab or another. */
export interface RefreshEvent {
  /** The reason of the refresh; `null` if another tab sent it, or the app signed in. */
  readonly reason: RefreshReason | null;
  /** Where the token comes from. */
  readonly source: "this_tab" | "other_tab" | "sign_in";
  /** How many calls were waiting for it: 0 for a background refresh. */
  readonly waiting: number;
  /** Milliseconds from sending to the response; 0 if another tab sent it. */
  readonly durationMs: number;
  /** Seconds until the new token expires. */
  readonly expiresIn: number;
  /** Seconds until the next background refresh. */
  readonly refreshIn: number;
}

/** A refresh failed; the session continues. */
export interface RefreshFailedEvent {
  /** The reason of the refresh. */
  readonly reason: RefreshReason;
  /** Why it failed. */
  readonly failure: FailureCause;
  /** The HTTP status, or `null` without a response. */
  readonly httpStatus: number | null;
  /** Milliseconds from sending to the failure. */
  readonly durationMs: number;
  /** How many attempts in a row have failed, this one included. */
  readonly failures: number;
  /** Milliseconds until the next attempt. */
  readonly retryInMs: number;
}

/** A call made with `session.fetch` to an allowed origin has finished. */
export interface CallEvent {
  /** The HTTP method, as sent. */
  readonly method: string;
  /** Origin and path, without query. */
  readonly url: string;
  /** Milliseconds that the call waited for a token: 0 for a call that found one. */
  readonly waitedMs: number;
  /** Milliseconds since the token was issued, at sending. */
  readonly tokenAgeMs: number;
  /** The status of the response, or `null` if the network failed. */
  readonly httpStatus: number | null;
  /** Whether the call was sent twice because its first token was rejected. */
  readonly retried: boolean;
  /** Milliseconds from the call to its response. */
  readonly durationMs: number;
}

/** An API wants a recent or a stronger authentication (RFC 9470 §3). */
export interface StepUpRequiredEvent {
  /** The values of `acr` of which it wants one, the preferred first; empty if any will do. */
  readonly acrValues: readonly string[];
  /** The longest time since the authentication, in seconds, or `null` if any will do. */
  readonly maxAge: number | null;
  /**
   * Lets the calls wait for this promise, such as that of a dialog which ends with `session.stepUp()`. If it is fulfilled, each call is
   * sent once more with the new token; if it is rejected, each call gets the first response. Called while the listener runs.
   */
  readonly waitUntil: (done: PromiseLike<unknown>) => void;
}

/** One transition of the session; contains no secrets. */
export interface TraceEntry {
  /** Milliseconds on a clock of this page that includes sleep. */
  readonly atMs: number;
  /** The input that caused it. */
  readonly trigger: string;
  /** The state of the session afterwards. */
  readonly status: "unknown" | "signed_in" | "signed_out";
  /** A random name of this tab. */
  readonly tab: string;
  /** Whether the page was visible. */
  readonly page: "visible" | "hidden";
  /** The number of the attempt it belongs to, or `null`. */
  readonly attempt: number | null;
  /** The outcome, or `null`. */
  readonly outcome: string | null;
}

/** A sign-in by redirect has failed; the page is back. */
export interface SignInFailedEvent {
  /** The provider's name. */
  readonly provider: string;
  /** Why, as `Session.signInError` has it. */
  readonly error: SessionError;
}

/** The events of `Session.on`. */
export interface SessionEvents<User = unknown> {
  /** The token was refreshed, by this tab or another. */
  refresh: RefreshEvent;
  /** A refresh failed; the session continues. */
  refresh_failed: RefreshFailedEvent;
  /** The session has ended: why, and the transitions before. */
  signed_out: { readonly reason: SignOutReason; readonly trace: readonly TraceEntry[] };
  /** Another user has signed in, in this tab or another. */
  user_changed: { readonly user: User; readonly previous: User };
  /** A call to an allowed origin has finished. */
  call: CallEvent;
  /**
   * An API wants a recent or a stronger authentication. Told once for all calls that wait for the same; without a listener, calls get
   * the response.
   */
  step_up_required: StepUpRequiredEvent;
  /** The session has made a transition. */
  trace: TraceEntry;
  /** A sign-in by redirect has failed; the page is back. */
  sign_in_failed: SignInFailedEvent;
}
