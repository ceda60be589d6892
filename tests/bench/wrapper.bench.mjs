/**
 * The cost of a call before it is on the network: `session.fetch`, a hand-written wrapper, and none.
 *
 * `fetch` is replaced by a stub, so a call is what runs in the page. All of them take turns.
 */

import { median, onStage, table } from "./scene.mjs";

/** The limit of a call's cost above that of the hand-written wrapper. */
const BUDGET_US = 3;

/** Several pages, because JIT compilation differs from page to page. */
const PAGES = 3;
const ROUNDS = 16;
const CALLS = 300;

/** @type {Record<string, RequestInit | undefined>} */
const SHAPES = {
  GET: undefined,
  "POST of JSON": { method: "POST", headers: { "content-type": "application/json" }, body: '{"text":"a note"}' },
};

await onStage({}, async (server, browser) => {
  const excesses = [];
  for (const [shape, init] of Object.entries(SHAPES)) {
    /** @type {Round[]} */
    const rounds = [];
    for (let i = 0; i < PAGES; i += 1) {
      const page = await browser.newPage();
      await page.goto(`${server.auth}/blank.html`);
      await page.evaluate(prepare, server.api, init);
      rounds.push(...(await page.evaluate(measure, ROUNDS, CALLS)));
      await page.close();
    }
    const none = median(rounds.map((round) => round.none));
    const byHand = median(rounds.map((round) => round.byHand));
    const sdk = median(rounds.map((round) => round.sdk));
    const heard = median(rounds.map((round) => round.heard));
    const row = (/** @type {string} */ name, /** @type {number} */ cost) => [
      name,
      cost.toFixed(1),
      (cost - none).toFixed(1),
      (cost - byHand).toFixed(1),
      `${(cost / byHand).toFixed(2)} x`,
    ];
    console.log(
      table([
        [`${shape}, µs a call`, "median", "over none", "over by hand", "by hand is 1"],
        row("no wrapper, header set by hand", none),
        row("wrapper written by hand", byHand),
        row("session.fetch", sdk),
        row("session.fetch, page listens to calls", heard),
      ]),
      `\nmedians of ${rounds.length} rounds of ${CALLS} calls on ${PAGES} pages; budget: ${BUDGET_US} µs over by hand\n`,
    );
    if (sdk - byHand > BUDGET_US) excesses.push(`${shape}: ${(sdk - byHand).toFixed(1)} µs over the one by hand`);
  }
  return excesses;
});

/** Microseconds a call. @typedef {{ none: number, byHand: number, sdk: number, heard: number }} Round */

/**
 * Runs on the page: replaces `fetch` by a stub, and makes the same call by each wrapper.
 *
 * @param {string} api
 * @param {RequestInit | undefined} init
 */
async function prepare(api, init) {
  const url = `${api}/notes?limit=20`;
  const token = `${"h".repeat(60)}.${"c".repeat(300)}.${"s".repeat(86)}`;
  const life = 3_600;

  // `fetch` is replaced before the SDK reads it.
  const wasm = fetch("/nolapse/nolapse_bg.wasm");
  await wasm;
  const answer = new Response("{}");
  window.fetch = (input, options) => {
    // The platform's `fetch` converts its arguments first.
    void new Request(input, options);
    return Promise.resolve(answer);
  };

  const none = () => fetch(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token}` } });

  const origins = new Set([location.origin, api]);
  let bearer = `Bearer ${token}`;
  let expiresAt = performance.now() + life * 1_000;
  const renew = async () => {
    bearer = `Bearer ${token}`;
    expiresAt = performance.now() + life * 1_000;
  };
  /** @type {typeof fetch} */
  const byHand = async (input, options) => {
    const authorised = () => {
      const request = new Request(input, options);
      const { origin } = new URL(request.url);
      if (origins.has(origin) && !request.headers.has("authorization")) request.headers.set("authorization", bearer);
      return request;
    };
    if (performance.now() >= expiresAt) await renew();
    const response = await fetch(authorised());
    if (response.status !== 401) return response;
    await renew();
    return fetch(authorised());
  };

  /** @type {typeof import("nolapse")} */
  const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
  const session = createSession({
    auth: { refresh: () => Promise.reject(new Error("no token here expires")) },
    storageKey: "wrapper",
    allowedOrigins: [api],
    wasm,
  });
  await session.ready;
  await session.setTokens({ access_token: token, expires_in: life, session: { id: "1", user: {} } });
  window.wrappers = { none, byHand: () => byHand(url, init), sdk: () => session.fetch(url, init) };
  window.listenToCalls = () => session.on("call", () => {});
}

/**
 * Runs on the page.
 *
 * @param {number} rounds
 * @param {number} calls
 * @returns {Promise<Round[]>}
 */
async function measure(rounds, calls) {
  const { none, byHand, sdk } = window.wrappers;
  /** @param {() => Promise<unknown>} call */
  const cost = async (call) => {
    const begun = performance.now();
    for (let i = 0; i < calls; i += 1) await call();
    return ((performance.now() - begun) * 1_000) / calls;
  };
  const heard = async () => {
    const stop = window.listenToCalls();
    const microseconds = await cost(sdk);
    stop();
    return microseconds;
  };
  const contestants = [
    /** @type {const} */ (["none", () => cost(none)]),
    /** @type {const} */ (["byHand", () => cost(byHand)]),
    /** @type {const} */ (["sdk", () => cost(sdk)]),
    /** @type {const} */ (["heard", heard]),
  ];
  const measured = [];
  // The first two rounds warm the JIT compiler up.
  for (let i = -2; i < rounds; i += 1) {
    const round = { none: 0, byHand: 0, sdk: 0, heard: 0 };
    contestants.push(...contestants.splice(0, 1));
    for (const [name, run] of contestants) round[name] = await run();
    if (i >= 0) measured.push(round);
  }
  return measured;
}
