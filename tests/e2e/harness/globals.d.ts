import type { Session } from "nolapse";

declare global {
  interface Window {
    /** The session that `openSession` of the harness has made on the page. */
    session: Session<{ id: string; email: string; role: string }>;
    /** What has become of the calls that `startCalls` of the harness makes. */
    calls: import("./tabs.mjs").Calls;
    /** Ends them. */
    stopCalls: () => void;
  }
}
