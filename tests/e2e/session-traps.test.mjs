import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { moduleMemories } from "./harness/heap.mjs";
import { beginOutage, endOutage } from "./harness/outage.mjs";
import { openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/**
 * Makes the module trap at its next call, by overwriting its memory.
 *
 * @param {import("puppeteer-core").Page} page
 */
async function ruin(page) {
  const memories = await moduleMemories(page);
  const ruined = await memories.evaluate((all) => all.map(({ buffer }) => new Uint8Array(buffer).fill(0xff)).length);
  await memories.dispose();
  assert.equal(ruined, 1);
}

test("P34 a trap rejects waiting callers, and the next call works on a fresh instance", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await beginOutage(server, { kind: "stall" });
  const pending = page.evaluate(() =>
    window.session.refresh({ force: true }).then(
      () => "renewed",
      (error) => [error.name, error.code],
    ),
  );
  await until("the refresh is under way", () => network.refreshes().length === 1);

  await ruin(page);
  const started = performance.now();
  const met = await page.evaluate(() =>
    window.session.refresh().then(
      () => "renewed",
      (error) => [error.name, error.code, error.cause instanceof Error],
    ),
  );

  assert.deepEqual(met, ["SessionError", "internal", true]);
  assert.deepEqual(await pending, ["SessionError", "internal"]);
  assert.ok(performance.now() - started < 1_000);
  await endOutage(server);
  const status = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);
  assert.equal(status, 200);
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
  const { held = [], pending: queued = [] } = await page.evaluate(() => navigator.locks.query());
  assert.deepEqual([...held, ...queued], []);
});

test("P34 two sessions of one page outlive a trap of one of them", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await page.evaluate(async () => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const refresh = async () => ({ access_token: "of.the.other", expires_in: 60 });
    Object.assign(window, { other: createSession({ auth: { refresh }, storageKey: "other" }) });
  });

  await ruin(page);
  const tokens = await page.evaluate(async () => {
    const { session, other } = /** @type {{ other: import("nolapse").Session } & Window} */ (
      /** @type {unknown} */ (window)
    );
    const code = (/** @type {{ code: string }} */ error) => error.code;
    const met = await session.refresh().catch(code);
    // Its machine was recreated with the instance: its call does not trap.
    await other.refresh();
    await session.refresh();
    return [met, typeof (await session.getToken()), await other.getToken()];
  });

  assert.deepEqual(tokens, ["internal", "string", "of.the.other"]);
});
