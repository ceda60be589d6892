/**
 * A session for unit tests: without WebAssembly, network or timers, and with a clock that the test moves.
 *
 * It has the whole API of `nolapse`, so that a test runner can put it in the place of `nolapse`.
 *
 * @packageDocumentation
 */

import type { AuthOption, FailureCause, Session, SessionOptions, SignOutReason } from "./index.js";

export * from "./index.js";

/** Options of {@link createTestSession}. */
export interface TestSessionOptions<User = unknown> {
  /** Who is signed in from the start. Left out, nobody is. */
  user?: User;
  /** Starts as a page whose first answer is on its way, until the test lets it come: `await test.advance(0)`. */
  unknown?: boolean;
  /** The life of each token, in seconds. Default: 60. */
  life?: number;
  /** The origins that may see the token, besides the page's own. Default: none. */
  apis?: readonly (string | URL)[];
  /** The URL that relative ones are resolved against. Default: the document's, or `http://localhost/`. */
  page?: string | URL;
  /** What answers the calls. Default: every call rejects with a `TypeError`, as without a network. */
  fetch?: typeof globalThis.fetch;
  /** The clock, in milliseconds. Default: one that stands still until {@link TestControls.advance} moves it. */
  now?: () => number;
  /** The app's own functions, called as the real session calls them. Default: an auth server made up for the test. */
  auth?: AuthOption<User>;
}

/** What the test does in the place of the world. */
export interface TestControls<User = unknown> {
  /** Signs a user in, as if in another tab. */
  readonly signIn: (user: User, options?: { sessionId?: string }) => void;
  /** Ends the session at the auth server and lets the page know. The default reason is `revoked`. */
  readonly end: (reason?: SignOutReason) => void;
  /** Makes every refresh fail for that cause from now on, with the session going on; `null` ends the trouble. */
  readonly fail: (cause: FailureCause | null) => void;
  /** Moves the clock, and renews the token in the background at each moment at which the real session does. */
  readonly advance: (seconds: number) => Promise<void>;
  /** How many refreshes were asked for. */
  readonly refreshes: number;
  /** How many listeners there are: 0 where everything was cleaned up. */
  readonly listeners: number;
}

/** A {@link Session} with the hands of a test. */
export interface TestSession<User = unknown> extends Session<User> {
  /** What the test does in the place of the world. */
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
 * await session.test.advance(50);
 * console.log(session.test.refreshes);
 * ```
 */
export declare function createTestSession<User = unknown>(options?: TestSessionOptions<User>): TestSession<User>;

/**
 * Stands in for the real `createSession`: a session that nobody is signed in to. What only a page can tell (origins
 * that are not allowed, the module's download) is not checked.
 */
export declare function createSession<User = unknown>(options: SessionOptions<User>): Promise<TestSession<User>>;
