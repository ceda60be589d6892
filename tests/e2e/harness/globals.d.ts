import type { Session } from "nolapse";

declare global {
  /** The same in a worker. */
  var session: Window["session"];
  interface Window {
    /** The session that `openSession` of the harness has made on the page. */
    session: Session<{ id: string; email: string; role: string }>;
    /** What `passkeys.test.mjs` has made on the page. */
    passkeys: import("nolapse/passkeys").Passkeys;
    /** The same. */
    totp: import("nolapse/passkeys").Totp;
    /** What has become of the sign-in that `clickProvider` of the harness begins; empty until then. */
    outcome: string;
    /** What has become of the calls that `startCalls` of the harness makes. */
    calls: import("./tabs.mjs").Calls;
    /** Ends them. */
    stopCalls: () => void;
    /** The recipe for uploads, in `uploads.test.mjs`. */
    upload: (file: Blob, onProgress: (share: number) => void, signal: AbortSignal) => Promise<number>;
    /** Whether refreshes stay unanswered, in `fetch-streams.test.mjs`. */
    hold: boolean;
    /** How often a request was copied there. */
    copies: number;
    /** Makes a stream there of so many frames, and tells what becomes of it. */
    camera: (frames?: number) => { stream: ReadableStream; started: Promise<void>; ended: Promise<unknown> };
    /** Makes the arguments of a call there that sends it. */
    withStream: (
      how: "request" | "init",
      url: string,
      camera: { stream: ReadableStream },
      signal?: AbortSignal,
    ) => [RequestInfo, RequestInit?];
  }
}
