import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { beginOutage, endOutage } from "./harness/outage.mjs";
import { openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { everywhere, openTabs, startCalls, stopCalls } from "./harness/tabs.mjs";
import { until } from "./harness/until.mjs";

const SHORT = { TOKEN_LIFE_SECONDS: "4" };

/**
 * The waiting calls of two tabs are sent at once when the outage ends, over the six connections that Chromium opens to an
 * origin. On a busy machine the last of them leaves its queue seconds later, and its token must not expire there: a call is
 * retried after one 401, not after two.
 */
const OUTLASTS_QUEUE = { TOKEN_LIFE_SECONDS: "8" };
const CALL_EVERY_MS = 200;

/** How long the auth server is away, from when the first calls wait; and when the first refresh after that is sent, at the latest. */
const AWAY_MS = 6_000;
const NOTICED_MS = 4_000;

/** @param {number} status */
function answer(status) {
  return { kind: "raw", status, content_type: "text/plain", body: "no" };
}

/** What an outage looks like from outside. @type {[string, Record<string, unknown>][]} */
const KINDS = [
  ["503", answer(503)],
  ["502", answer(502)],
  ["429 without Retry-After", answer(429)],
  ["a broken connection", { kind: "reset" }],
];

test("P49 an outage of the auth server fails no call of any tab", { concurrency: true }, async (t) => {
  const browser = await launchBrowser(t);
  const plays = KINDS.map(([name, order]) =>
    t.test(`P49 ${name}`, async (t) => {
      const server = await startServer(t, OUTLASTS_QUEUE);
      const context = await browser.createBrowserContext();
      t.after(() => context.close());
      const { tabs } = await openTabs(context, server, 2);
      for (const { page } of tabs) await startCalls(page, `${server.api}/notes`, CALL_EVERY_MS);
      await beginOutage(server, order);
      const begun = performance.now();
      await everywhere(tabs, ({ page }) =>
        until("calls wait", () => page.evaluate(() => window.calls.waiting > 5), { within: 20_000 }),
      );
      await everywhere(tabs, ({ page }) =>
        until("the status says so", () => page.evaluate(() => Boolean(window.session.status.failure))),
      );
      await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      const refreshes = () =>
        tabs.flatMap(({ network }) => network.refreshes()).filter(({ sentAt }) => sentAt >= begun);
      const sent = refreshes().length;
      await endOutage(server);
      const ended = performance.now();
      await everywhere(tabs, ({ page }) =>
        until("a token", () => page.evaluate(() => window.session.expiresIn > 0 && !window.session.status.failure)),
      );
      const granted = refreshes().filter(({ status }) => status === 200);
      const noticed = Math.min(...granted.map(({ sentAt }) => sentAt)) - ended;

      for (const { failed, answered } of await everywhere(tabs, ({ page }) => stopCalls(page))) {
        assert.deepEqual(failed, []);
        assert.ok(answered > 25, `${answered} calls`);
      }
      assert.ok(noticed < NOTICED_MS, `noticed after ${noticed} ms`);
      assert.ok(sent >= 2 && sent <= 6, `${sent} refreshes`);
    }),
  );
  await Promise.all(plays);
});

test("P49 a call waits for a server that is stopped and started again", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const { tabs } = await openTabs(browser, server, 2);
  await server.stop();
  await everywhere(tabs, ({ page }) =>
    until("the token is gone", () => page.evaluate(() => window.session.expiresIn === 0), { within: 10_000 }),
  );
  const calls = everywhere(tabs, ({ page }) =>
    page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`),
  );
  await everywhere(tabs, ({ page }) =>
    until("it was tried twice", () => page.evaluate(() => window.session.status.failure === "network")),
  );

  await server.start();

  assert.deepEqual(await calls, [200, 200]);
});

test("P49 calls are rejected at once if Retry-After is longer than they can wait", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  await first.page.close();
  for (const [retryAfter, waits] of /** @type {const} */ ([
    ["120", false],
    ["2", true],
  ])) {
    await beginOutage(server, { ...answer(503), retry_after: retryAfter, times: 1 });
    const context = waits ? await browser.createBrowserContext() : browser;
    const { page, network } = waits ? await openSignedIn(context, server) : await openPage(browser, server);
    if (!waits) await openSession(page, server);
    else {
      await beginOutage(server, { ...answer(503), retry_after: retryAfter, times: 1 });
      await page.evaluate(() => {
        const { now } = Date;
        Date.now = () => now() + 70_000;
      });
    }

    const seen = await page.evaluate(async (url) => {
      const begun = performance.now();
      const outcome = await window.session.fetch(url).then(
        ({ status }) => [status, 0],
        (error) => [error.code, error.retryInMs],
      );
      return { outcome, took: performance.now() - begun };
    }, `${server.api}/notes`);

    if (waits) {
      assert.deepEqual(seen.outcome, [200, 0]);
      assert.ok(seen.took > 2_000 && seen.took < 4_500, `${seen.took} ms`);
      assert.equal(network.refreshes().length, 2);
    } else {
      assert.equal(seen.outcome[0], "unreachable");
      assert.ok(Number(seen.outcome[1]) > 115_000 && Number(seen.outcome[1]) <= 121_000, `${seen.outcome[1]} ms`);
      assert.ok(seen.took < 2_000, `${seen.took} ms`);
    }
  }
});
