/**
 * The page of each client: it signs in, makes its first call, or waits to be measured.
 *
 * @typedef {object} Opened
 * @property {(url: string) => Promise<Response>} call calls an API with a valid token
 * @property {() => Promise<string>} [token] returns the token, if scripts can read it
 */

/**
 * @typedef {object} Client
 * @property {() => Promise<void>} signIn may leave the page
 * @property {() => Promise<unknown>} [finishSignIn] if it does: on the page it returns to
 * @property {() => Promise<Opened>} open
 */

/** The API's URL. */
const API = `${servers.api}/notes?limit=20`;

/** The number of calls between two reads of the clock. */
const BATCH = 20;

/**
 * Dispatches on the page's path.
 *
 * @param {Client} client
 */
export function run(client) {
  const wish = new URLSearchParams(location.search);
  if (wish.has("sign-in")) signedIn(client.signIn(), client.finishSignIn !== undefined);
  else if (wish.has("code") && client.finishSignIn) signedIn(client.finishSignIn(), false);
  else if (window.stub) window.costs = prepare(client, window.stub);
  else window.told = firstCall(client);
}

/**
 * @param {Promise<unknown>} done
 * @param {boolean} leaves the page
 */
async function signedIn(done, leaves) {
  await done;
  if (!leaves) document.title = "signed in";
}

/** @param {Client} client @returns {Promise<ColdStart>} */
async function firstCall(client) {
  const { call } = await client.open();
  const { status } = await call(API);
  const answered = performance.now();
  const scriptStart = performance.getEntriesByName("script-start")[0]?.startTime ?? 0;
  return { status, times: { navigation: answered, script: answered - scriptStart } };
}

/**
 * Prepares the client for the measurement: a call with its token, and then no network.
 *
 * @param {Client} client
 * @param {Stub} stub
 * @returns {Promise<Costs>}
 */
async function prepare(client, stub) {
  const { call, token } = await client.open();
  const { status } = await call(API);
  if (status !== 200) throw new Error(`the first answer was ${status}`);
  stub.takeNetworkAway();
  const headers = { authorization: `Bearer ${"h".repeat(450)}` };
  return {
    native: (span) => cost(() => stub.fetch(API, { headers }), span),
    call: (span) => cost(() => call(API), span),
    callWithCookies: (span) => withCookies(() => cost(() => call(API), span)),
    token: token && ((span) => cost(token, span)),
  };
}

/**
 * Caches the page's cookies meanwhile. A page reads them by IPC with another process of the browser, whose duration depends
 * on the machine and its load rather than on the client.
 *
 * @param {() => Promise<number>} work
 */
async function withCookies(work) {
  const kept = document.cookie;
  Object.defineProperty(document, "cookie", { configurable: true, get: () => kept, set: () => {} });
  const result = await work();
  Reflect.deleteProperty(document, "cookie");
  return result;
}

/**
 * Microseconds of one call, averaged over the given milliseconds: many steps of the page's clock.
 *
 * @param {() => Promise<unknown>} one
 * @param {number} span
 */
async function cost(one, span) {
  const begun = performance.now();
  let count = 0;
  let passed = 0;
  while (passed < span) {
    for (let i = 0; i < BATCH; i += 1) await one();
    count += BATCH;
    passed = performance.now() - begun;
  }
  return (passed * 1_000) / count;
}
