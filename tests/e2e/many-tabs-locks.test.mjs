import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { everywhere, startCalls, stopCalls } from "./harness/tabs.mjs";
import { until } from "./harness/until.mjs";

const NO_LOCKS = "delete Navigator.prototype.locks";
const NO_CHANNEL = "delete globalThis.BroadcastChannel";
const THROW = "() => { throw new Error('refused'); }";

/** What a browser can lack, as code that runs before the page's own. @type {[string, string][]} */
const LACKS = [
  ["no locks", NO_LOCKS],
  ["no channel", NO_CHANNEL],
  ["neither locks nor a channel", `${NO_LOCKS}; ${NO_CHANNEL}`],
  ["no storage", `Object.defineProperty(globalThis, "localStorage", { get: ${THROW} })`],
  ["locks that throw", `LockManager.prototype.request = ${THROW}`],
  ["locks that reject", "LockManager.prototype.request = () => Promise.reject(new Error('refused'))"],
  ["locks that never come", "LockManager.prototype.request = () => new Promise(() => {})"],
  ["a channel that throws", `globalThis.BroadcastChannel = function () { (${THROW})(); }`],
  ["a channel that cannot send", `BroadcastChannel.prototype.postMessage = ${THROW}`],
];

/** The name of the sessions here, which is part of their lock's. */
const NAME = "own";

/** What other pages of the same origin can do to the lock. @type {[string, string][]} */
const THEFTS = [
  ["a lock that is held for ever", `navigator.locks.request("nolapse:${NAME}", () => new Promise(() => {}))`],
  [
    "a lock that is stolen again and again",
    `setInterval(() => navigator.locks.request("nolapse:${NAME}", { steal: true }, () => {}), 20)`,
  ],
];

/** The timeout of a refresh, in seconds: short, for a short test, and enough for a busy machine. */
const TIMEOUT_S = 3;

/** A call's deadline: two attempts, and five seconds more. */
const DEADLINE_MS = 2_000 * TIMEOUT_S + 5_000;

test("P17 whatever becomes of locks and channels, calls are served and the session goes on", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { TOKEN_LIFE_SECONDS: "5" }), launchBrowser(t)]);

  /**
   * @param {import("puppeteer-core").BrowserContext} context
   * @param {string} [lack]
   */
  async function expectService(context, lack) {
    const first = await openPage(context, server);
    const tabs = [first, await openPage(context, server)];
    for (const { page } of tabs) {
      if (lack !== undefined) {
        await page.evaluateOnNewDocument(lack);
        await page.reload();
      }
      await openSession(page, server, { storageKey: NAME, timeoutMs: TIMEOUT_S * 1_000 });
    }
    await signIn(first.page, newUser(), "sign-up");
    // Without a channel and without storage, a tab learns of the sign-in by a refresh alone.
    await everywhere(tabs, ({ page }) => page.evaluate(() => window.session.refresh()));
    for (const { page } of tabs) await startCalls(page, `${server.api}/notes`, 500);
    const renewed = () => tabs.flatMap(({ network }) => network.refreshes()).filter(({ status }) => status === 200);
    const before = renewed().length;

    await until("two renewals", () => renewed().length - before >= 2, { within: 40_000 });

    for (const { answered, failed, slowest } of await everywhere(tabs, ({ page }) => stopCalls(page))) {
      assert.deepEqual(failed, []);
      assert.ok(answered > 5, `${answered} calls`);
      assert.ok(slowest < DEADLINE_MS, `${slowest} ms`);
    }
    for (const { page } of tabs) assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
    await context.close();
  }

  await t.test("each in a browser of its own", { concurrency: 3 }, async (all) => {
    const lacking = LACKS.map(([name, code]) =>
      all.test(`with ${name}`, async () => expectService(await browser.createBrowserContext(), code)),
    );
    const stolen = THEFTS.map(([name, code]) =>
      all.test(`with ${name}`, async () => {
        const context = await browser.createBrowserContext();
        const { page } = await openPage(context, server);
        await page.evaluate(`void ${code}`);
        await expectService(context);
      }),
    );
    await Promise.all([...lacking, ...stolen]);
  });

  assert.equal((await server.counters()).reuse_alarms, undefined);
});
