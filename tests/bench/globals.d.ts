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

/** Microseconds of one, over so many milliseconds. */
type Cost = (span: number) => Promise<number>;

/** What a client's page can be measured by. */
interface Costs {
  native: Cost;
  call: Cost;
  /** The same with the page's cookies at hand. */
  callWithCookies: Cost;
  token: Cost | undefined;
}

interface Window {
  /** Left by the pages of `cold-start`, and of `peers`. */
  told: Promise<ColdStart>;
  stub?: Stub;
  costs: Promise<Costs>;
}
