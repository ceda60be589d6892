/** The operations of a contract's case, the same for each kind of session. Runs on pages and in Node. */

/** @typedef {import("nolapse").Session<{ id: string }>} Session */

/** A request to an API, as it was sent. @typedef {{ url: string, method: string, authorization: string | null, body: string }} Sent */

/**
 * @typedef {object} World
 * @property {Session} session of a browser without a signed-in user
 * @property {Api} api
 * @property {() => Promise<void>} signUp signs a new user in, by the session's `signIn`
 * @property {(seconds: number) => Promise<void>} pass advances the time
 * @property {(isOut: boolean) => Promise<void>} outage makes the auth server respond with 503, or ends that
 * @property {() => Promise<void>} revoke ends the session at the auth server
 */

/** The APIs of a case: they record their requests and return given responses. */
export class Api {
  /** An origin that is listed. */
  listed = "https://api.example.com";
  /** An origin that is not. */
  other = "https://other.example.com";
  /** @type {Sent[]} */
  sent = [];
  /** Answers to come, or what is thrown in place of one; afterwards each is 200. @type {(Response | Error)[]} */
  answers = [];

  /** Stands in for the network. @type {typeof fetch} */
  fetch = async (input, init) => {
    const request = new Request(input, init);
    const { url, method, headers, signal } = request;
    if (signal.aborted) throw signal.reason;
    this.sent.push({ url, method, authorization: headers.get("authorization"), body: await request.text() });
    const answer = this.answers.shift() ?? new Response("fine");
    if (answer instanceof Error) throw answer;
    return answer;
  };

  /** @param {string | URL | Request} input */
  isFor(input) {
    const url = input instanceof Request ? input.url : String(input);
    return url.startsWith(this.listed) || url.startsWith(this.other);
  }
}

/**
 * The outcome of a promise, as far as the API specifies it.
 *
 * @param {Promise<unknown>} promise
 */
export function outcome(promise) {
  return promise.then(
    (value) => ({ value }),
    ({ name, code, reason, failure }) => ({ name, code, reason, failure }),
  );
}

/**
 * Records the events of a type.
 *
 * @template {keyof import("nolapse").SessionEvents<{ id: string }>} Type
 * @param {Session} session
 * @param {Type} type
 */
export function eventsOf(session, type) {
  /** @type {import("nolapse").SessionEvents<{ id: string }>[Type][]} */
  const events = [];
  session.on(type, (event) => events.push(event));
  return events;
}

/**
 * Waits until the status has a failure.
 *
 * @param {Session} session
 */
export async function failureOf(session) {
  /** @type {() => void} */
  let end = () => {};
  const cause = await new Promise((resolve) => {
    end = session.subscribe(({ failure }) => {
      if (failure !== null) resolve(failure);
    });
  });
  end();
  return cause;
}

/**
 * Waits for the next token.
 *
 * @param {Session} session
 */
export async function nextRefresh(session) {
  /** @type {() => void} */
  let end = () => {};
  await new Promise((resolve) => {
    end = session.on("refresh", resolve);
    // Rejected during the back-off; the session then retries by itself.
    session.refresh().catch(() => undefined);
  });
  end();
}

/**
 * A token response with a user's session.
 *
 * @param {string} user
 */
export function tokenResponse(user, token = `${user}.token`) {
  return {
    access_token: token,
    token_type: "Bearer",
    expires_in: 60,
    session: { id: `of-${user}`, user: { id: user } },
  };
}
