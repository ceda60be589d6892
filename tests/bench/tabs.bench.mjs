/**
 * What five tabs of one user cost the auth server, and what their calls notice: with all of them at work, with four of
 * them hidden and throttled, with the server failing, and with wrong clocks. Real tabs, real time, and a server that
 * gives no grace: two refreshes with one cookie would end the session.
 */

import { setTimeout as passes } from "node:timers/promises";

import { openPage, openSession, openSignedIn } from "../e2e/harness/page.mjs";
import { everywhere, openTabs, startCalls, stopCalls } from "../e2e/harness/tabs.mjs";
import { until } from "../e2e/harness/until.mjs";
import { onStage, table } from "./scene.mjs";

/** @typedef {import("../e2e/harness/page.mjs").TestPage} Tab */
/** @typedef {import("./scene.mjs").Server} Server */

const TABS = 5;
const SPAN_MS = 60_000;
const OUTAGE_MS = 20_000;
const CLOCKS_MS = 120_000;
const SHIFTS_S = [-30, 0, 40, 56];

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
/** @type {string[]} */
const outage = [];
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
 * Counts what a span of steady calls costs.
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
    alarms: counters.reuse_alarms ?? 0,
  };
  const answered = calls.reduce((sum, one) => sum + one.answered, 0);
  const slowest = Math.max(...calls.map((one) => one.slowest));
  rows.push([name, ...NAMES.map(([key]) => String(counts[key])), String(answered), slowest.toFixed(0)]);
  return NAMES.filter(([key]) => (counts[key] ?? 0) > (key === "refreshes" ? 10 : 0)).map(
    ([key, title]) => `${name}: ${counts[key]} ${title}`,
  );
}

/**
 * The auth server answers 503 for a while; when it is back, one tab is told, as by a user who tries again.
 *
 * @param {Server} server
 * @param {readonly Tab[]} tabs
 */
async function failing(server, tabs) {
  await server.pull("reset-counters");
  for (const { page } of tabs) await startCalls(page, `${server.api}/notes`);
  const begun = performance.now();
  await server.pull("outage", { seconds: 300, kind: "raw", status: 503, content_type: "text/plain", body: "no" });
  await passes(OUTAGE_MS - (performance.now() - begun));
  await server.pull("outage", { seconds: 0 });
  const back = performance.now();
  await tabs[0]?.page.evaluate(() => window.session.refresh().then(() => undefined));
  await everywhere(tabs, ({ page }) =>
    until("a token", () => page.evaluate(() => window.session.expiresIn > 0 && !window.session.status.degraded)),
  );
  const recovery = performance.now() - back;
  await everywhere(tabs, ({ page }) => stopCalls(page));
  const states = await everywhere(tabs, ({ page }) => page.evaluate(() => window.session.status.state));
  const sent = refreshes(tabs).filter(({ sentAt }) => sentAt >= begun && sentAt < back);
  const inSecond = sent.map(({ sentAt: from }) =>
    sent.filter((one) => one.sentAt >= from && one.sentAt < from + 1_000),
  );
  const worst = Math.max(0, ...inSecond.map(({ length }) => length));
  const { api_refused_expired: expired = 0 } = await server.counters();
  const out = states.filter((state) => state !== "signed-in").length;
  outage.push(
    `503 for 20 s: ${sent.length} refreshes, ${worst} in the worst second, ${expired} expired tokens sent, ` +
      `${out} tabs signed out, all with a token ${recovery.toFixed(0)} ms after the server's return`,
  );
  return [
    sent.length > 10 && `${sent.length} refreshes in an outage of 20 s`,
    worst > 2 && `${worst} refreshes in one second of an outage`,
    expired > 0 && `${expired} expired tokens sent in an outage`,
    out > 0 && `${out} tabs signed out by an outage`,
    recovery > 1_000 && `${recovery.toFixed(0)} ms from the server's return to a token in each tab`,
  ].filter((excess) => excess !== false);
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
console.log(outage.join("\n"));
clocks.sort(([left], [right]) => Number(left) - Number(right));
console.log(`\n120 s, tokens of 60 s, the first refresh at once\n\n${table(clocks)}`);
