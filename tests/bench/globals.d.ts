/** The times of a cold start, in milliseconds since the script's first statement unless their names say otherwise. */
interface ColdStart {
  status: number;
  times: Record<string, number>;
}

/** The network of a page whose calls are measured. */
interface Stub {
  fetch: typeof fetch;
  takeNetworkAway: () => void;
}

/** Microseconds of one, averaged over this many milliseconds. */
type Cost = (span: number) => Promise<number>;

/** The measurements of a client's page. */
interface Costs {
  native: Cost;
  call: Cost;
  /** The same with cached cookies. */
  callWithCookies: Cost;
  token: Cost | undefined;
}

/** The origins of the servers of a client of `peers`: the page's, or others. */
declare const servers: { auth: string; api: string };

/** A script that leaves its client as `window.Clerk`. */
declare module "*/clerk.browser.js";

interface Window {
  /** Left by the pages of `cold-start`, and of `peers`. */
  told: Promise<ColdStart>;
  stub?: Stub;
  Clerk: import("@clerk/clerk-js").Clerk;
  /** The same call by each wrapper. */
  wrappers: Record<"none" | "byHand" | "sdk", () => Promise<unknown>>;
  /** Adds a listener of calls; returns its removal. */
  listenToCalls: () => () => void;
  costs: Promise<Costs>;
}
