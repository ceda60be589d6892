/** The types of `nolapse/testing` for `require`: those of the module, said once more for its values. */

import type * as testing from "./testing.js" with { "resolution-mode": "import" };

export type * from "./testing.js" with { "resolution-mode": "import" };

export declare const createTestSession: typeof testing.createTestSession;
export declare const createSession: typeof testing.createSession;
export declare const isSessionError: typeof testing.isSessionError;
export declare const SessionError: typeof testing.SessionError;
export type SessionError = testing.SessionError;
export declare const SessionEnded: typeof testing.SessionEnded;
export type SessionEnded = testing.SessionEnded;
