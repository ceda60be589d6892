import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { everywhere, openTabs, startCalls } from "./harness/tabs.mjs";
import { until } from "./harness/until.mjs";

/** Hidden pages wake once a minute; a gap this long is one of those. */
const THROTTLED_GAP_MS = 50_000;

test("P05 hidden tabs that wake once a minute send no expired token, and need one refresh when they return", async (t) => {
  // Without a grace period, hidden tabs that refresh at the same wake-up end the session.
  const env = { TOKEN_LIFE_SECONDS: "8", GRACE_SECONDS: "0" };
  const [server, browser] = await Promise.all([startServer(t, env), launchBrowser(t, { throttled: true })]);
  const { tabs } = await openTabs(browser, server, 2);
  await everywhere(tabs, async ({ page }) => {
    await startCalls(page, `${server.api}/notes`, 1_000);
    await page.evaluate((long) => {
      let last = performance.now();
      document.title = "";
      setInterval(() => {
        if (performance.now() - last > long) document.title += "gap;";
        last = performance.now();
      }, 1_000);
    }, THROTTLED_GAP_MS);
  });
  const blank = await browser.newPage();
  await blank.bringToFront();
  for (const { page } of tabs) assert.equal(await page.evaluate(() => document.visibilityState), "hidden");

  await everywhere(tabs, ({ page }) =>
    until(`two gaps of ${THROTTLED_GAP_MS} ms`, async () => (await page.title()).startsWith("gap;gap;"), {
      within: 240_000,
      every: 1_000,
    }),
  );
  const counters = await server.counters();
  const seen = await everywhere(tabs, ({ page }) => page.evaluate(() => window.calls));

  t.diagnostic(`${JSON.stringify(counters)} ${JSON.stringify(seen)}`);
  assert.equal(counters.api_refused_expired, undefined);
  assert.equal(counters.reuse_alarms, undefined);
  assert.equal(counters.refreshes_forked, undefined);
  for (const { failed } of seen) assert.deepEqual(failed, []);
  await everywhere(tabs, async ({ page, network }) => {
    await page.evaluate(() => window.stopCalls());
    const before = network.refreshes().length;
    await page.bringToFront();
    const status = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);
    assert.equal(status, 200);
    assert.ok(network.refreshes().length - before <= 1);
  });
  assert.equal((await server.counters()).api_refused_expired, undefined);
});

test("P30 100 times hidden and shown, without an event", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  const other = await openPage(browser, server);
  await page.evaluate(() => {
    let told = 0;
    let changes = 0;
    const show = () => {
      document.title = `${told} ${changes}`;
    };
    window.session.subscribe(() => {
      told++;
      show();
    });
    document.addEventListener("visibilitychange", () => {
      changes++;
      show();
    });
  });
  assert.equal(await page.title(), "1 0");

  for (let cycle = 1; cycle <= 100; cycle++) {
    await page.bringToFront();
    await until("shown", () => page.evaluate(() => document.visibilityState === "visible"), { every: 2 });
    await other.page.bringToFront();
    await until("hidden", () => page.evaluate(() => document.visibilityState === "hidden"), { every: 2 });
  }

  const [told, changes] = (await page.title()).split(" ").map(Number);
  assert.equal(told, 1);
  assert.ok(changes && changes >= 199, `${changes} changes of visibility`);
  // As many as time requires, however often the tab is hidden and shown.
  assert.ok(network.refreshes().length <= 1);
});
