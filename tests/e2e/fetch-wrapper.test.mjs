import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { startEcho } from "./harness/echo.mjs";
import { recordNetwork } from "./harness/network.mjs";
import { newUser, openPage, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

const INVALID = 'Bearer error="invalid_token"';

/**
 * Opens a page whose session lists the given origins, with a new user signed in.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {import("./harness/server.mjs").Server} server
 * @param {readonly string[]} allowedOrigins
 */
async function openWith(browser, server, allowedOrigins) {
  const page = await (await browser.createBrowserContext()).newPage();
  // The server's Content-Security-Policy allows calls to the demo's API alone; these tests have APIs of their own.
  await page.setBypassCSP(true);
  const network = await recordNetwork(page);
  await page.goto(`${server.auth}/blank.html`);
  await page.evaluate(
    async (options) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      window.session = /** @type {typeof window.session} */ (createSession(options));
      await window.session.ready;
    },
    { auth: server.auth, allowedOrigins },
  );
  await signIn(page, newUser(), "sign-up");
  return { page, network };
}

test("the fetch wrapper", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);

  await t.test("P22 the token goes to listed origins and to nobody else", async (t) => {
    const [listed, other] = await Promise.all([startEcho(t), startEcho(t)]);
    const { page, network } = await openWith(browser, server, [listed.origin]);

    await page.evaluate(
      async (mine, theirs) => {
        await window.session.fetch(`${mine}/text`);
        await window.session.fetch(new URL(`${mine}/url`));
        await window.session.fetch(new Request(`${mine}/request`, { headers: { "x-own": "1" } }));
        await window.session.fetch("/healthz");
        await window.session.fetch(`${theirs}/text`);
        await window.session.fetch(new Request(`${theirs}/request`));
      },
      listed.origin,
      other.origin,
    );

    assert.deepEqual(
      listed.received.map(({ path, authorization }) => [path, /^Bearer \S+$/.test(authorization ?? "")]),
      [
        ["/text", true],
        ["/url", true],
        ["/request", true],
      ],
    );
    assert.ok(network.to("/healthz")[0]?.headers.authorization);
    assert.deepEqual(
      other.received.map(({ authorization }) => authorization),
      [undefined, undefined],
    );
  });

  await t.test(
    "P23 an API that always says 401 gets two requests, and the caller the first answer, unread",
    async (t) => {
      const api = await startEcho(t, () => ({ status: 401, challenge: INVALID }));
      const { page, network } = await openWith(browser, server, [api.origin]);

      const seen = await page.evaluate(async (origin) => {
        const answer = await window.session.fetch(`${origin}/always`);
        return { status: answer.status, used: answer.bodyUsed, text: await answer.text() };
      }, api.origin);

      assert.deepEqual(seen, { status: 401, used: false, text: "answer 401 to /always" });
      assert.equal(api.received.length, 2);
      assert.notEqual(api.received[0]?.authorization, api.received[1]?.authorization);
      assert.equal(network.refreshes().length, 1);
      assert.equal(JSON.parse(network.refreshes()[0]?.body ?? "").reason, "rejected");
    },
  );

  await t.test("P23 a 401 that another token cannot cure is not retried", async (t) => {
    const api = await startEcho(t, () => ({ status: 401, challenge: 'Bearer error="insufficient_scope"' }));
    const { page, network } = await openWith(browser, server, [api.origin]);

    assert.equal(await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${api.origin}/x`), 401);

    assert.equal(api.received.length, 1);
    assert.equal(network.refreshes().length, 0);
  });

  await t.test("P24 a retried request is the same, byte for byte", async (t) => {
    const api = await startEcho(t, (_, earlier) => ({ status: earlier.length === 0 ? 401 : 200, challenge: INVALID }));
    const kinds = ["string", "form", "blob", "buffer", "view", "parameters", "request"];
    /** @type {Record<string, number>} */
    const statuses = {};
    // After five 401s to new tokens in a row, a session no longer refreshes for an API.
    for (const some of [kinds.slice(0, 4), kinds.slice(4)]) {
      const { page } = await openWith(browser, server, [api.origin]);
      Object.assign(statuses, await page.evaluate(sendEachKindOfBody, api.origin, some));
    }

    assert.deepEqual(Object.keys(statuses), kinds);

    for (const [kind, status] of Object.entries(statuses)) {
      const [first, second, ...more] = api.received.filter(({ path }) => path === `/${kind}`);
      assert.equal(status, 200, kind);
      assert.ok(first && second && more.length === 0, kind);
      assert.ok(first.body.length > 0, kind);
      assert.deepEqual(second.body, first.body, kind);
      assert.equal(second.type, first.type, kind);
      assert.equal(second.method, first.method, kind);
    }
  });

  await t.test("P26 a call with an Authorization header of its own is passed on as it is", async (t) => {
    const api = await startEcho(t, () => ({ status: 401, challenge: INVALID }));
    const { page, network } = await openWith(browser, server, [api.origin]);

    await page.evaluate(async (url) => {
      await window.session.fetch(url, { headers: { Authorization: "Basic b3du" } });
    }, `${api.origin}/own`);

    assert.deepEqual(
      api.received.map(({ authorization }) => authorization),
      ["Basic b3du"],
    );
    assert.equal(network.refreshes().length, 0);
  });

  await t.test("P21 what fetch refuses, the wrapper refuses with the same class, as a rejection", async () => {
    const { page } = await openSignedIn(await browser.createBrowserContext(), server);

    const pairs = await page.evaluate(async (api) => {
      const aborted = AbortSignal.abort(new RangeError("gone"));
      const cases = /** @type {[any, any][]} */ ([
        ["https://", undefined],
        [Symbol("url"), undefined],
        [`${api}/notes`, { method: "a b" }],
        [`${api}/notes`, { method: "GET", body: "x" }],
        [`${api}/notes`, { headers: { "bad name": "x" } }],
        [`${api}/notes`, { signal: 7 }],
        [`${api}/notes`, { signal: aborted }],
        [`${api}/notes`, { mode: "navigate" }],
        [
          {
            toString: () => {
              throw new EvalError("no text");
            },
          },
          undefined,
        ],
      ]);
      const { fetch: detached } = window.session;
      const outcome = (/** @type {Promise<unknown>} */ call) =>
        call.then(
          () => "fulfilled",
          (error) => error.name,
        );
      const seen = [];
      for (const [input, init] of cases)
        seen.push([await outcome(fetch(input, init)), await outcome(detached(input, init))]);
      return seen;
    }, server.api);

    for (const [native, wrapped] of pairs) assert.equal(wrapped, native);
    assert.ok(pairs.every(([native]) => native !== "fulfilled"));
  });

  await t.test("P27 globals are the same objects before and after", async () => {
    const { page } = await openPage(browser, server);

    const changed = await page.evaluate(
      async (options) => {
        const globals = /** @type {Record<string, any>} */ (/** @type {unknown} */ (window));
        const names = [
          "fetch",
          "XMLHttpRequest",
          "Request",
          "Response",
          "Headers",
          "URL",
          "Promise",
          "BroadcastChannel",
        ];
        const look = () =>
          names.flatMap((name) => {
            const prototype = globals[name].prototype ?? {};
            return [
              globals[name],
              ...Object.values(Object.getOwnPropertyDescriptors(prototype)).map((one) => one.value ?? one.get),
            ];
          });
        const before = look();
        /** @type {typeof import("nolapse")} */
        const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
        const session = createSession(options);
        await session.ready;
        await session.fetch("/healthz").catch(() => undefined);
        const after = look();
        session.close();
        return before.length !== after.length || before.some((one, i) => one !== after[i]);
      },
      { auth: server.auth },
    );

    assert.equal(changed, false);
  });
});

/**
 * Runs on the page: sends one body of each of these kinds.
 *
 * @param {string} origin
 * @param {readonly string[]} kinds
 */
async function sendEachKindOfBody(origin, kinds) {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const form = new FormData();
  form.append("text", "ä ö\r\n");
  form.append("file", new Blob([bytes]), "bytes.bin");
  /** @type {Record<string, BodyInit>} */
  const bodies = {
    string: "text with ü",
    form,
    blob: new Blob([bytes], { type: "image/x" }),
    buffer: bytes.buffer,
    view: bytes,
    parameters: new URLSearchParams({ a: "1 2", b: "ü" }),
  };
  /** @type {Record<string, number>} */
  const statuses = {};
  for (const kind of kinds) {
    const body = bodies[kind];
    const url = `${origin}/${kind}`;
    const call = body
      ? window.session.fetch(url, { method: "POST", body })
      : window.session.fetch(new Request(url, { method: "PUT", body: "of a request", headers: { "x-own": "1" } }));
    // A change of the bytes after the call does not change the request.
    if (kind === "view") bytes.fill(7);
    statuses[kind] = (await call).status;
  }
  return statuses;
}
