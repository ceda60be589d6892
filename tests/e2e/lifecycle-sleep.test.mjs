import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as passes } from "node:timers/promises";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

const LIFE_SECONDS = 5;
const SHORT = { TOKEN_LIFE_SECONDS: String(LIFE_SECONDS) };

/** The length of a suspension, longer than a token's lifetime. */
const SLEEP_MS = LIFE_SECONDS * 1_000 + 2_000;

test("P39 a page with the SDK at work goes to the back/forward cache and returns with its session", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const left = await openSignedIn(browser, server);
  const other = await openPage(browser, server);
  await openSession(other.page, server);
  await callOnReturn(left.page, `${server.api}/notes`);

  await left.page.goto(`${server.auth}/blank.html?elsewhere`);
  // A message of another tab would evict a page with an open channel from the back/forward cache.
  const before = await refreshesAtServer(server);
  await until("a refresh meanwhile", async () => (await refreshesAtServer(server)) > before);
  const refreshes = await refreshesAtServer(server);
  await left.page.goBack();

  await until("the page has called", async () => (await left.page.title()) !== "");
  assert.equal(await left.page.title(), "persisted 200");
  assert.ok((await refreshesAtServer(server)) - refreshes <= 1);
  assert.equal((await server.counters()).api_refused_expired, undefined);
});

test("P18 a page from the back/forward cache attaches no token after a sign-out elsewhere", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const left = await openSignedIn(browser, server);
  const other = await openPage(browser, server);
  await openSession(other.page, server);
  await callOnReturn(left.page, `${server.api}/notes`);
  await left.page.goto(`${server.auth}/blank.html?elsewhere`);
  await other.page.evaluate(() => window.session.signOut());
  const before = await server.counters();

  await left.page.goBack();

  await until("the page has called", async () => (await left.page.title()) !== "");
  assert.equal(await left.page.title(), "persisted signed_out");
  const after = await server.counters();
  for (const name of ["api_accepted", "api_refused_missing"]) assert.equal(after[name], before[name], name);
});

test("P18 a frozen tab attaches no token after a sign-out elsewhere", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const frozen = await openSignedIn(browser, server);
  const other = await openPage(browser, server);
  await openSession(other.page, server);
  await callOnResume(frozen.page, `${server.api}/notes`);
  await setLife(frozen.page, "frozen");
  await other.page.evaluate(() => window.session.signOut());
  const before = await server.counters();

  await setLife(frozen.page, "active");

  await until("the page has called", async () => (await frozen.page.title()) !== "");
  assert.equal(await frozen.page.title(), "signed_out");
  assert.equal((await server.counters()).api_accepted, before.api_accepted);
});

test("P04 a tab that was frozen for longer than a token lives serves its first call", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const frozen = await openSignedIn(browser, server);
  await callOnResume(frozen.page, `${server.api}/notes`);
  await setLife(frozen.page, "frozen");
  await passes(SLEEP_MS);
  const before = await refreshesAtServer(server);

  await setLife(frozen.page, "active");

  await until("the page has called", async () => (await frozen.page.title()) !== "");
  assert.equal(await frozen.page.title(), "200");
  assert.equal((await refreshesAtServer(server)) - before, 1);
  assert.equal((await server.counters()).api_refused_expired, undefined);
});

test("P17 a tab that is frozen in the middle of a refresh does not keep the lock from others", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const frozen = await openSignedIn(browser, server);
  const other = await openPage(browser, server);
  await openSession(other.page, server);
  await other.page.evaluate(() => window.session.getToken());
  await server.pull("outage", { seconds: 60, kind: "stall", times: 1 });
  await frozen.page.evaluate(() => void window.session.refresh().catch(() => undefined));
  await until("the refresh is on its way", () => frozen.network.refreshes().length === 1);

  await setLife(frozen.page, "frozen");

  const took = await other.page.evaluate(async () => {
    const begun = performance.now();
    await window.session.refresh({ force: true });
    return performance.now() - begun;
  });
  assert.ok(took < 2_000, `${took} ms`);
});

test("P04 after a laptop's sleep the first call waits for one refresh and succeeds", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);

  const status = await callAfterSleep(browser, page, `${server.api}/notes`);

  assert.equal(status, 200);
  assert.equal(network.refreshes().length, 1);
  assert.equal((await server.counters()).api_refused_expired, undefined);
});

test("P04 a call after a sleep waits for a network that needs 15 more seconds", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await server.stop();

  const status = await callAfterSleep(browser, page, `${server.api}/notes`, async () => {
    await passes(15_000);
    await server.start();
  });

  assert.equal(status, 200);
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

/**
 * Stops all of a browser's processes for longer than a token's lifetime, with a call that is made when they resume.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {import("puppeteer-core").Page} page
 * @param {string} url
 * @param {() => Promise<void>} [onWake]
 * @returns {Promise<number | string>} the call's status, or its error's code
 */
async function callAfterSleep(browser, page, url, onWake = async () => undefined) {
  const processes = await processTree(browser.process()?.pid ?? 0);
  // Children before their parents, which would otherwise notice that they stop.
  for (const pid of processes.toReversed()) process.kill(pid, "SIGSTOP");
  const call = page.evaluate(
    async (address) => (await window.session.fetch(address).catch((error) => ({ status: error.code }))).status,
    url,
  );
  await passes(SLEEP_MS);
  for (const pid of processes) process.kill(pid, "SIGCONT");
  await onWake();
  return call;
}

/** A process and all below it, parents first. @param {number} top */
async function processTree(top) {
  /** @type {[number, number][]} */
  const parents = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    parents.push([Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])]);
  }
  const tree = [top];
  for (const parent of tree) tree.push(...parents.filter(([, of]) => of === parent).map(([pid]) => pid));
  return tree;
}

/** How many refreshes have reached the server. @param {import("./harness/server.mjs").Server} server */
async function refreshesAtServer(server) {
  const { refreshes_rotated = 0, refreshes_repeated = 0, refreshes_forked = 0 } = await server.counters();
  return refreshes_rotated + refreshes_repeated + refreshes_forked;
}

/**
 * @param {import("puppeteer-core").Page} page
 * @param {"frozen" | "active"} state
 */
async function setLife(page, state) {
  const session = await page.createCDPSession();
  await session.send("Page.setWebLifecycleState", { state });
  await session.detach();
}

/**
 * Makes a page call an API when it is restored, before the SDK has handled that event; the page's title has the outcome.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} url
 */
async function callOnReturn(page, url) {
  await page.evaluate((address) => {
    document.title = "";
    window.addEventListener(
      "pageshow",
      async ({ persisted }) => {
        const answer = await window.session.fetch(address).catch((error) => ({ status: error.code }));
        document.title = `${persisted ? "persisted" : "loaded"} ${answer.status}`;
      },
      { capture: true },
    );
  }, url);
}

/**
 * The same for a page that is frozen and resumed.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} url
 */
async function callOnResume(page, url) {
  await page.evaluate((address) => {
    document.title = "";
    window.addEventListener(
      "resume",
      async () => {
        const answer = await window.session.fetch(address).catch((error) => ({ status: error.code }));
        document.title = String(answer.status);
      },
      { capture: true },
    );
  }, url);
}
