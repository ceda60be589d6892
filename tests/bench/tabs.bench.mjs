/**
 * What five tabs of one user cost the auth server, and the effect on their calls: with all of them active, with four of
 * them hidden and throttled, with the server failing, and with wrong clocks. Real tabs, real time, and a server without
 * a grace period: two refreshes with one cookie are a fork, or end the session.
 */

import { setTimeout as passes } from "node:timers/promises";

import { openPage, openSession, openSignedIn } from "../e2e/harness/page.mjs";
import { everywhere, openTabs, startCalls, stopCalls } from "../e2e/harness/tabs.mjs";
import { until } from "../e2e/harness/until.mjs";
import { median, onStage, table } from "./scene.mjs";

/** @typedef {import("../e2e/harness/page.mjs").TestPage} Tab */
/** @typedef {import("./scene.mjs").Server} Server */

const TABS = 5;
const SPAN_MS = 60_000;
const OUTAGE_MS = 20_000;
const CLOCKS_MS = 120_000;
const SHIFTS_S = [-30, 0, 40, 56];

/** What an outage looks like from outside. @type {[string, Record<string, unknown>][]} */
const OUTAGES = [
  ["503", { kind: "raw", status: 503, content_type: "text/plain", body: "no" }],
  ["502", { kind: "raw", status: 502, content_type: "text/plain", body: "no" }],
  ["429 without Retry-After", { kind: "raw", status: 429, content_type: "text/plain", body: "no" }],
  ["a broken connection", { kind: "reset" }],
];
const ROUNDS = 2;

const SHORT = { TOKEN_LIFE_SECONDS: "8", GRACE_SECONDS: "0" };

/** What is counted, and how much of it there may be. @type {[string, string][]} */
const NAMES = [
  ["refreshes", "refreshes"],
  ["expired", "expired tokens sent"],
  ["refused", "401 from the API"],
  ["failed", "failed calls"],
  ["alarms", "reuse alarms"],
];

/** @type {string[][]} */
const rows = [["", ...NAMES.map(([, title]) => title), "calls", "slowest call, ms"]];
/** @type {string[][]} */
const outages = [
  [
    "away for 20 s",
    "refreshes",
    "in the worst second",
    "failed calls",
    "expired tokens sent",
    "signed out",
    "back, ms",
  ],
];
/** @type {string[][]} */
const clocks = [["clock off by, s", "refreshes", "expired tokens sent", "failed calls"]];

/** Five tabs at work, and then the same five with a server that fails. @param {Server} server */
async function working(server, /** @type {import("./scene.mjs").Browser} */ browser) {
  const { tabs } = await openTabs(browser, server, TABS);
  const excesses = await load("five tabs", server, tabs, () => passes(SPAN_MS));
  return [...excesses, ...(await failing(server, tabs))];
}

/** One tab that can be seen and four that wake once a minute. @param {Server} server */
async function hidden(server, /** @type {import("./scene.mjs").Browser} */ browser) {
  const { tabs } = await openTabs(browser, server, TABS);
  const [visible, ...others] = tabs;
  await visible?.page.bringToFront();
  for (const { page } of others) {
    await page.evaluate(() => {
      let last = performance.now();
      setInterval(() => {
        last = performance.now();
      }, 250);
      Object.assign(window, { idle: () => performance.now() - last });
    });
  }
  await everywhere(others, ({ page }) =>
    until("throttled", () => page.evaluate(() => Reflect.get(window, "idle")() > 3_000), {
      within: 90_000,
      every: 500,
    }),
  );
  return load("one of five visible", server, tabs, () => passes(SPAN_MS));
}

/**
 * Counts the requests during steady calls.
 *
 * @param {string} name
 * @param {Server} server
 * @param {readonly Tab[]} tabs
 * @param {() => Promise<unknown>} span
 */
async function load(name, server, tabs, span) {
  await server.pull("reset-counters");
  const before = refreshes(tabs).length;
  for (const { page } of tabs) await startCalls(page, `${server.api}/notes`);
  await span();
  const calls = await everywhere(tabs, ({ page }) => stopCalls(page));
  const counters = await server.counters();
  const refused = Object.entries(counters).filter(([counter]) => counter.startsWith("api_refused"));
  /** @type {Record<string, number>} */
  const counts = {
    refreshes: refreshes(tabs).length - before,
    expired: counters.api_refused_expired ?? 0,
    refused: refused.reduce((sum, [, count = 0]) => sum + count, 0),
    failed: calls.reduce((sum, { failed }) => sum + failed.length, 0),
    alarms: (counters.reuse_alarms ?? 0) + (counters.refreshes_forked ?? 0),
  };
  const answered = calls.reduce((sum, one) => sum + one.answered, 0);
  const slowest = Math.max(...calls.map((one) => one.slowest));
  rows.push([name, ...NAMES.map(([key]) => String(counts[key])), String(answered), slowest.toFixed(0)]);
  return NAMES.filter(([key]) => (counts[key] ?? 0) > (key === "refreshes" ? 10 : 0)).map(
    ([key, title]) => `${name}: ${counts[key]} ${title}`,
  );
}

/**
 * The auth server fails for a while, in one way after another, and recovers without a sign to the tabs.
 *
 * @param {Server} server
 * @param {readonly Tab[]} tabs
 */
async function failing(server, tabs) {
  /** @type {string[]} */
  const excesses = [];
  /** @type {number[]} */
  const recoveries = [];
  for (const [name, order] of OUTAGES) {
    for (let round = 0; round < ROUNDS; round++) {
      const seen = await away(server, tabs, order);
      recoveries.push(...seen.recoveries);
      const { refreshes, worst, failed, expired, out } = seen;
      const latest = Math.max(...seen.recoveries);
      outages.push([name, ...[refreshes, worst, failed, expired, out, latest.toFixed(0)].map(String)]);
      const found = {
        "refreshes in an outage of 20 s": refreshes > 10 && refreshes,
        "refreshes in one second of it": worst > 2 && worst,
        "failed calls": failed,
        "expired tokens sent": expired,
        "tabs signed out": out,
        "ms from the server's return to a token": latest > 4_000 && latest,
      };
      excesses.push(...Object.entries(found).flatMap(([what, much]) => (much ? [`${name}: ${much} ${what}`] : [])));
    }
  }
  const middle = median(recoveries);
  outages.push(["median of all tabs", "", "", "", "", "", middle.toFixed(0)]);
  return middle > 2_000
    ? [...excesses, `${middle.toFixed(0)} ms until tabs have a token again, in the median`]
    : excesses;
}

/**
 * One outage, with calls from each tab before, in and after it.
 *
 * @param {Server} server
 * @param {readonly Tab[]} tabs
 * @param {Record<string, unknown>} order
 */
async function away(server, tabs, order) {
  await server.pull("reset-counters");
  for (const { page } of tabs) await startCalls(page, `${server.api}/notes`);
  await passes(1_000);
  const begun = performance.now();
  await server.pull("outage", { seconds: 300, ...order });
  await passes(OUTAGE_MS - (performance.now() - begun));
  await server.pull("outage", { seconds: 0 });
  const back = performance.now();
  const recoveries = await everywhere(tabs, async ({ page }) => {
    const isServed = () => page.evaluate(() => window.session.expiresIn > 0 && !window.session.status.failure);
    await until("a token", isServed, { within: 30_000, every: 20 });
    return performance.now() - back;
  });
  await passes(1_000);
  const calls = await everywhere(tabs, ({ page }) => stopCalls(page));
  const states = await everywhere(tabs, ({ page }) => page.evaluate(() => window.session.status.state));
  const sent = refreshes(tabs).filter(({ sentAt }) => sentAt >= begun && sentAt < back);
  const inSecond = sent.map(({ sentAt: from }) =>
    sent.filter((one) => one.sentAt >= from && one.sentAt < from + 1_000),
  );
  const { api_refused_expired: expired = 0 } = await server.counters();
  return {
    refreshes: sent.length,
    worst: Math.max(0, ...inSecond.map(({ length }) => length)),
    failed: calls.reduce((sum, { failed }) => sum + failed.length, 0),
    expired,
    out: states.filter((state) => state !== "signed_in").length,
    recoveries,
  };
}

/** Pages whose clocks are wrong, side by side. @param {Server} server */
async function wrongClocks(server, /** @type {import("./scene.mjs").Browser} */ browser) {
  const all = await Promise.all(
    SHIFTS_S.map(async (shift) => {
      const context = await browser.createBrowserContext();
      const first = await openSignedIn(context, server);
      await first.page.close();
      const { page, network } = await openPage(context, server);
      await page.evaluateOnNewDocument((by) => {
        const { now } = Date;
        Date.now = () => now() + by;
      }, shift * 1_000);
      await page.reload();
      await openSession(page, server);
      await startCalls(page, `${server.api}/notes`, 500);
      await passes(CLOCKS_MS);
      const { failed } = await stopCalls(page);
      const expired = network.to("/notes").filter(({ status }) => status === 401).length;
      const count = network.refreshes().length;
      clocks.push([String(shift), String(count), String(expired), String(failed.length)]);
      return count === 3 && expired === 0 && failed.length === 0
        ? []
        : [`clock off by ${shift} s: ${count} refreshes, ${expired} expired tokens, ${failed.length} failed calls`];
    }),
  );
  return all.flat();
}

/** @param {readonly Tab[]} tabs */
function refreshes(tabs) {
  return tabs.flatMap(({ network }) => network.refreshes());
}

await Promise.all([
  onStage({}, wrongClocks),
  onStage(SHORT, working).then(() => onStage(SHORT, hidden, { throttled: true })),
]);
console.log(`A call per tab every 250 ms for 60 s, tokens of 8 s, no grace at the server\n\n${table(rows)}\n`);
console.log(`A call per tab every 250 ms, five tabs, tokens of 8 s\n\n${table(outages)}`);
clocks.sort(([left], [right]) => Number(left) - Number(right));
console.log(`\n120 s, tokens of 60 s, the first refresh at once\n\n${table(clocks)}`);
