/**
 * A session for unit tests: the real one, in a simulated browser without network and timers, with a clock that the test moves.
 *
 * It has the whole API of `nolapse`, so that a test runner can use it in place of `nolapse`.
 *
 * @packageDocumentation
 */

import type {
  Authorization,
  AuthOption,
  FailureCause,
  Session,
  SessionErrorCode,
  SessionOptions,
  SessionStatus,
  SignOutReason,
} from "./index.js";

export * from "./index.js";

/** Options of {@link createTestSession}. */
export interface TestSessionOptions<User = unknown> {
  /** The user who is signed in from the start. Default: none. */
  user?: User;
  /** The provider that `user` has signed in through, for a sign-out there (`atProvider`). Default: none. */
  provider?: string;
  /** Whether to start as a page whose first response is pending; `await test.advance(0)` delivers it. */
  unknown?: boolean;
  /** The lifetime of tokens, in seconds. Default: 60. */
  expiresIn?: number;
  /** The origins that may receive the token, besides the page's own. Default: none. */
  allowedOrigins?: readonly (string | URL)[];
  /** As in {@link SessionOptions}. */
  authorization?: Authorization;
  /** As in {@link SessionOptions}. */
  context?: string;
  /** The contexts that the simulated auth server grants. Default: every one that is requested. */
  contexts?: readonly string[];
  /** As in {@link SessionOptions}, of a page whose first response is pending: with `unknown`. */
  initial?: SessionStatus<User>;
  /** As in {@link SessionOptions}. */
  remember?: (user: User) => unknown;
  /** As in {@link SessionOptions}; the default is `test`. */
  storageKey?: string;
  /** As in {@link SessionOptions}. */
  timeoutMs?: number;
  /** The URL of the page, which relative ones are resolved against. Default: the document's, or `http://localhost/`. */
  page?: string | URL;
  /** Whether the browser blocks pop-ups. Default: `false`. */
  blocksPopups?: boolean;
  /** Responds to the calls, which it receives as the session sends them. Default: rejects with a `TypeError`. */
  fetch?: typeof globalThis.fetch;
  /** The clock, in milliseconds. Default: one that stands still until {@link TestControls.advance} moves it. */
  now?: () => number;
  /** The app's own functions, called as the real session calls them. Default: a simulated auth server. */
  auth?: AuthOption<User>;
}

/** What comes of a sign-in through a provider: a user, or why the auth server refuses. */
export type ProviderAnswer<User = unknown> =
  | {
      /** Who has signed in. */
      readonly user: User;
      /** The id of the session. Default: `session-1`. */
      readonly sessionId?: string;
    }
  | {
      /** Why not: what `Session.signInError`, or the rejection, has as its code. */
      readonly error: Extract<SessionErrorCode, "account_exists" | `provider_${string}`>;
    };

/** Controls of the simulated browser and auth server. */
export interface TestControls<User = unknown> {
  /** Signs a user in, as in another tab. */
  readonly signIn: (user: User, options?: { sessionId?: string }) => void;
  /** Ends the session at the auth server; resolves when the page knows. The default reason is `revoked`. */
  readonly end: (reason?: SignOutReason) => Promise<void>;
  /** Makes every request to the simulated auth server fail with that cause; `null` ends the failure, as an `online` event. */
  readonly fail: (cause: FailureCause | null) => Promise<void>;
  /** Advances the clock, and fires every timer of the session at its time. Resolves when all responses are handled. */
  readonly advance: (ms: number) => Promise<void>;
  /** The URL where the tab is: that of the page, or where it has gone, to a provider to sign in or out there. */
  readonly location: string;
  /**
   * Ends a sign-in through a provider; with `link`, the user stays who it is. By a redirect, the next page is loaded, and its session
   * is the result, while this one is closed. In a pop-up, the page is told, and the result is this session. `null`: the user gives up,
   * by the back button or by closing the pop-up, which the page knows after a second of the clock.
   */
  readonly returnWith: (answer: ProviderAnswer<User> | null) => Promise<TestSession<User>>;
  /** How many refreshes were sent. */
  readonly refreshes: number;
  /** How many listeners there are: 0 if all were removed. */
  readonly listeners: number;
}

/** A {@link Session} with controls for a test. */
export interface TestSession<User = unknown> extends Session<User> {
  /** Controls of the simulated browser and auth server. */
  readonly test: TestControls<User>;
}

/**
 * Creates a session for a unit test.
 *
 * @example
 * ```ts
 * import { createTestSession } from "nolapse/testing";
 *
 * const session = createTestSession({ user: { id: "1" } });
 * await session.test.advance(50_000);
 * console.log(session.test.refreshes);
 * ```
 */
export declare function createTestSession<User = unknown>(options?: TestSessionOptions<User>): TestSession<User>;

/** Replaces the real `createSession`: no user is signed in. */
export declare function createSession<User = unknown>(options: SessionOptions<User>): TestSession<User>;
