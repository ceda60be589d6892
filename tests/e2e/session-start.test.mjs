import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").HTTPRequest} HTTPRequest */

/**
 * Opens a signed-in page, leaves it and opens it again, with requests for the module intercepted by the test.
 *
 * @param {import("node:test").TestContext} t
 * @param {(request: HTTPRequest) => void} onModule
 */
async function comeBack(t, onModule) {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (request.url().endsWith(".wasm")) onModule(request);
    else void request.continue();
  });
  await page.goto(`${server.auth}/blank.html`);
  return { server, page, network };
}

test("P02 the refresh of a first load goes out while the module is on its way, and is the only one", async (t) => {
  /** @type {HTTPRequest[]} */
  const held = [];
  const { server, page, network } = await comeBack(t, (request) => held.push(request));

  const opened = openSession(page, server);
  await until("the module is asked for and the token renewed", () => {
    const renewed = network.refreshes().some(({ status }) => status === 200);
    return renewed && held.length === 1;
  });
  await held[0]?.continue();
  await opened;
  const status = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);

  assert.equal(status, 200);
  const [refresh, ...more] = network.refreshes();
  assert.deepEqual(more, []);
  assert.equal(JSON.parse(refresh?.body ?? "").reason, "load");
});

test("P17 a lock that never comes holds neither a session's beginning up nor its first call", async (t) => {
  const { server, page } = await comeBack(t, (request) => request.continue());
  await page.evaluateOnNewDocument("LockManager.prototype.request = () => new Promise(() => {})");
  await page.reload();

  const opened = openSession(page, server).then(() => true);
  await until("the session is there", () => Promise.race([opened, Promise.resolve(false)]), { within: 5_000 });
  const status = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);

  assert.equal(status, 200);
});

test("P41 where the module does not come, the refresh begun for it gives the lock back, and the next try works", async (t) => {
  let isBroken = true;
  const { server, page, network } = await comeBack(t, (request) => {
    void (isBroken ? request.abort("connectionreset") : request.continue());
  });

  const failed = await page.evaluate(
    async (options) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      return createSession(options).ready.then(
        () => "created",
        (error) => error.code,
      );
    },
    { auth: server.auth, allowedOrigins: [server.api] },
  );
  await until("the lock is free", async () => {
    const { held = [], pending = [] } = await page.evaluate(() => navigator.locks.query());
    return held.length + pending.length === 0;
  });
  isBroken = false;
  await openSession(page, server);
  await page.evaluate(() => window.session.getToken());

  assert.equal(failed, "load_failed");
  assert.ok(network.refreshes().every(({ status }) => status === 200));
  assert.equal((await server.counters()).reuse_alarms, undefined);
});

test("P41 calls made before the module is loaded wait for it, and an aborted one does not", async (t) => {
  /** @type {HTTPRequest[]} */
  const held = [];
  const { server, page } = await comeBack(t, (request) => held.push(request));

  const seen = page.evaluate(
    async (options, url) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      const session = createSession(options);
      const { state, failure } = session.status;
      const end = new AbortController();
      const aborted = session.fetch(url, { signal: end.signal }).catch((error) => error);
      const calls = [session.fetch(url).then(({ status }) => status), session.getToken().then((token) => typeof token)];
      end.abort("enough");
      const reason = await aborted;
      document.title = "called";
      return [{ state, failure }, reason, ...(await Promise.all(calls)), session.status.state];
    },
    { auth: server.auth, allowedOrigins: [server.api] },
    `${server.api}/notes`,
  );
  await until("the calls wait", async () => held.length === 1 && (await page.title()) === "called");
  await held[0]?.continue();

  assert.deepEqual(await seen, [{ state: "unknown", failure: null }, "enough", 200, "string", "signed_in"]);
});

test("P36 a session that is closed before the module is loaded rejects its calls, and starts nothing", async (t) => {
  /** @type {HTTPRequest[]} */
  const held = [];
  const { server, page } = await comeBack(t, (request) => held.push(request));

  const code = page.evaluate(async (auth) => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const session = createSession({ auth });
    const call = session.getToken().catch((error) => error.code);
    session.close();
    const code = await call;
    await session.ready;
    return code;
  }, server.auth);
  await until("the module is asked for", () => held.length === 1);
  await held[0]?.continue();

  assert.equal(await code, "closed");
  await until("the lock is free", async () => {
    const { held: locks = [], pending = [] } = await page.evaluate(() => navigator.locks.query());
    return locks.length + pending.length === 0;
  });
});
