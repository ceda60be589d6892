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
  SessionOptions,
  SessionStatus,
  SignOutReason,
} from "./index.js";

export * from "./index.js";

/** Options of {@link createTestSession}. */
export interface TestSessionOptions<User = unknown> {
  /** The user who is signed in from the start. Default: none. */
  user?: User;
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
  /** The URL that relative ones are resolved against. Default: the document's, or `http://localhost/`. */
  page?: string | URL;
  /** Responds to the calls, which it receives as the session sends them. Default: rejects with a `TypeError`. */
  fetch?: typeof globalThis.fetch;
  /** The clock, in milliseconds. Default: one that stands still until {@link TestControls.advance} moves it. */
  now?: () => number;
  /** The app's own functions, called as the real session calls them. Default: a simulated auth server. */
  auth?: AuthOption<User>;
}

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
