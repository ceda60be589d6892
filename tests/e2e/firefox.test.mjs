import assert from "node:assert/strict";
import { after, test } from "node:test";

import { launchFirefox } from "./harness/browser.mjs";
import { newUser, openSession, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { startCalls, stopCalls } from "./harness/tabs.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */

/** One for all tests, because Firefox takes its time to start; each has a context of its own. */
const firefox = await launchFirefox({ after });

/**
 * Opens tabs of one new user.
 *
 * @param {import("./harness/server.mjs").Server} server
 * @param {number} count
 * @returns {Promise<[Page, ...Page[]]>}
 */
async function openTabs(server, count) {
  const context = await firefox.createBrowserContext();
  const first = await openTab(context, server);
  await signIn(first, newUser(), "sign-up");
  /** @type {[Page, ...Page[]]} */
  const tabs = [first];
  while (tabs.length < count) tabs.push(await openTab(context, server));
  for (const tab of tabs) await tab.evaluate(() => window.session.getToken());
  return tabs;
}

/**
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {import("./harness/server.mjs").Server} server
 */
async function openTab(context, server) {
  const page = await context.newPage();
  await page.goto(`${server.auth}/blank.html`);
  await openSession(page, server);
  return page;
}

/** @param {import("./harness/server.mjs").Server} server */
async function renewals(server) {
  return (await server.counters()).refreshes_rotated ?? 0;
}

test("P15 P16 in Firefox five tabs refresh as often as one, and alarm nobody", async (t) => {
  const env = { TOKEN_LIFE_SECONDS: "6", GRACE_SECONDS: "0" };
  const server = await startServer(t, env);
  const tabs = await openTabs(server, 5);
  for (const tab of tabs) await startCalls(tab, `${server.api}/notes`);
  const before = await renewals(server);
  const begun = performance.now();

  await until("four cycles", async () => (await renewals(server)) - before >= 4, { within: 40_000, every: 100 });

  const cycles = (performance.now() - begun) / 5_000;
  assert.ok(Math.abs((await renewals(server)) - before - cycles) <= 1, `4 refreshes in ${cycles} cycles`);
  const calls = await Promise.all(tabs.map(stopCalls));
  for (const { failed } of calls) assert.deepEqual(failed, []);
  const { api_refused_expired, reuse_alarms } = await server.counters();
  assert.deepEqual([api_refused_expired, reuse_alarms], [undefined, undefined]);
});

test("P16 P13 in Firefox tabs that refresh at once alarm nobody, and a forced refresh reaches all", async (t) => {
  const env = { GRACE_SECONDS: "0", REFRESHES_PER_MINUTE: "0" };
  const server = await startServer(t, env);
  const tabs = await openTabs(server, 6);

  for (let round = 0; round < 20; round++) {
    await Promise.all(tabs.map((tab) => tab.evaluate(() => window.session.refresh().then(() => undefined))));
  }
  const [first] = tabs;
  await first.evaluate(() => window.session.refresh({ force: true }).then(() => undefined));
  const token = await first.evaluate(() => window.session.getToken());

  await until(
    "all have it",
    async () =>
      (await Promise.all(tabs.map((tab) => tab.evaluate(() => window.session.getToken())))).every(
        (one) => one === token,
      ),
    { within: 1_000 },
  );
  assert.equal((await server.counters()).reuse_alarms, undefined);
});

test("P12 P18 P19 in Firefox a sign-out and a sign-in reach every tab within a second", async (t) => {
  const server = await startServer(t);
  const tabs = await openTabs(server, 3);
  const states = () => Promise.all(tabs.map((tab) => tab.evaluate(() => window.session.status.state)));

  await tabs[0].evaluate(() => window.session.signOut());
  await until("all are out", async () => (await states()).every((state) => state === "signed-out"), { within: 1_000 });
  const refused = await tabs[1]?.evaluate(
    (url) => window.session.fetch(url).catch((error) => error.code),
    `${server.api}/notes`,
  );
  assert.equal(refused, "signed_out");

  const next = newUser();
  await signIn(tabs[0], next, "sign-up");
  const emails = () =>
    Promise.all(
      tabs.map((tab) =>
        tab.evaluate(() => (window.session.status.state === "signed-in" ? window.session.status.user.email : "")),
      ),
    );
  await until("all are in", async () => (await emails()).every((email) => email === next.email), { within: 1_000 });
});

test("P10 P08 in Firefox a server that goes down and comes back is found again by itself", async (t) => {
  const server = await startServer(t, { TOKEN_LIFE_SECONDS: "5" });
  const [page] = await openTabs(server, 1);
  await server.kill();
  await until("the token is gone", () => page.evaluate(() => window.session.expiresIn === 0));
  await until("the status says so", () => page.evaluate(() => window.session.status.degraded === "network"));

  await server.start();

  await until("a token", () => page.evaluate(() => window.session.expiresIn > 0), { within: 5_500 });
  assert.equal(await page.evaluate(() => window.session.status.state), "signed-in");
});
