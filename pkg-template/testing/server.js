/** The simulated auth server: keeps one session, and answers the requests of the reference protocol. */

/** @typedef {import("../index.js").FailureCause} FailureCause */
/** @typedef {import("../index.js").SignOutReason} SignOutReason */
/** @typedef {import("../index.js").TokenResponse} TokenResponse */

/** @typedef {{ id: string, user: unknown, provider?: string | undefined }} CookieSession */

/** The HTTP responses that cause a failure. @type {{ [cause in FailureCause]?: [status: number, body: string] }} */
const FAILURES = {
  server_error: [503, ""],
  rate_limited: [429, ""],
  unexpected_answer: [200, "<!doctype html>"],
  misconfigured: [400, ""],
};

export class SimulatedServer {
  #expiresIn;
  #contexts;
  #tokens = 0;
  /** The session of this browser's cookie, and the provider that it began at. @type {CookieSession | null} */
  session = null;
  /** Why there is none. @type {SignOutReason} */
  reason = "no_cookie";
  /** Why requests fail, while they do. @type {FailureCause | null} */
  failure = null;
  /** Counts refresh requests. */
  refreshes = 0;

  /**
   * @param {number} expiresIn the lifetime of tokens, in seconds
   * @param {readonly string[] | undefined} contexts those that are granted; `undefined`: all
   */
  constructor(expiresIn, contexts) {
    this.#expiresIn = expiresIn;
    this.#contexts = contexts;
  }

  /**
   * Creates a token response for the session.
   *
   * @param {readonly string[]} requested the contexts
   * @returns {TokenResponse}
   */
  issue(requested) {
    const { id, user } = this.session ?? { id: "", user: null };
    const access_token = `test-token-${++this.#tokens}`;
    const granted = requested.filter((name) => this.#contexts?.includes(name) ?? true);
    const contexts = Object.fromEntries(granted.map((name) => [name, { access_token: `${access_token}-${name}` }]));
    return { access_token, token_type: "Bearer", expires_in: this.#expiresIn, session: { id, user }, contexts };
  }

  /**
   * Answers a request.
   *
   * @param {string} path the last segment of the URL's path
   * @param {RequestInit} init
   * @returns {Promise<SimulatedResponse>}
   */
  async answer(path, { signal, body }) {
    if (path === "refresh") this.refreshes++;
    const { failure } = this;
    if (failure === "timeout") return aborted(signal);
    if (failure !== null) {
      const response = FAILURES[failure];
      if (response) return new SimulatedResponse(...response);
      throw new TypeError("the simulated network fails");
    }
    if (path === "sign-out") return this.#end();
    if (path === "step-up" && this.session) return new SimulatedResponse(204, "");
    if (path === "sign-in") this.session ??= { id: "session-1", user: { id: "1" } };
    if (this.session) return new SimulatedResponse(200, JSON.stringify(this.issue(requestedIn(body))));
    const problem = { error: "session_ended", error_description: "the session has ended", reason: this.reason };
    return new SimulatedResponse(401, JSON.stringify(problem));
  }

  #end() {
    const provider = this.session?.provider;
    this.session = null;
    this.reason = "no_cookie";
    if (provider === undefined) return new SimulatedResponse(204, "");
    return new SimulatedResponse(200, JSON.stringify({ end_session_url: `https://${provider}.test/sign-out` }));
  }

  /**
   * Learns of a session that the app has made, or of its user.
   *
   * @param {string} id
   * @param {unknown} user
   */
  learn(id, user) {
    const provider = this.session?.id === id ? this.session.provider : undefined;
    this.session = { id, user, provider };
  }

  /**
   * Ends a sign-in through a provider.
   *
   * @param {import("./provider-sign-in.js").ProviderSignIn} signIn
   * @param {import("../testing.js").ProviderAnswer} answer
   * @returns {string | undefined} why it failed
   */
  finish({ provider, isLink }, answer) {
    if ("error" in answer) return answer.error;
    if (isLink) return this.session ? undefined : "provider_refused";
    const { user, sessionId: id = "session-1" } = answer;
    this.session = { id, user, provider };
    return undefined;
  }
}

/**
 * Returns the contexts that a body requests.
 *
 * @param {unknown} body
 * @returns {readonly string[]}
 */
function requestedIn(body) {
  return JSON.parse(String(body ?? "{}")).contexts ?? [];
}

/**
 * Rejects when the signal aborts.
 *
 * @param {AbortSignal | null | undefined} signal
 * @returns {Promise<never>}
 */
function aborted(signal) {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

/** The members of `Response` that the host reads; not every test environment has a `Response`. */
export class SimulatedResponse {
  headers = { get: () => null };
  #chunks;

  /**
   * @param {number} status
   * @param {string} text
   */
  constructor(status, text) {
    this.status = status;
    this.ok = status < 300;
    this.#chunks = text ? [new TextEncoder().encode(text)] : [];
  }

  get body() {
    return { getReader: () => ({ read: async () => ({ value: this.#chunks.shift() }), cancel: async () => {} }) };
  }
}
