/** Many tabs of one user, and a steady load of API calls. */

import assert from "node:assert/strict";

import { openPage, openSession, openSignedIn } from "./page.mjs";
import { until } from "./until.mjs";

/**
 * The outcomes of a page's calls.
 *
 * @typedef {object} Calls
 * @property {number} answered how many were answered with 200
 * @property {string[]} failed status or error code of each other one
 * @property {number} waiting how many are pending
 * @property {number} slowest the longest time of a call, in milliseconds
 */

/**
 * Opens tabs of one new user, all of them with a session and a token.
 *
 * @param {import("puppeteer-core").Browser | import("puppeteer-core").BrowserContext} where
 * @param {import("./server.mjs").Server} server
 * @param {number} count
 * @returns {Promise<{ tabs: import("./page.mjs").TestPage[], user: import("./page.mjs").Credentials }>}
 */
export async function openTabs(where, server, count) {
  const { user, ...first } = await openSignedIn(where, server);
  const tabs = [first];
  while (tabs.length < count) {
    const tab = await openPage(where, server);
    await openSession(tab.page, server);
    tabs.push(tab);
  }
  await everywhere(tabs, ({ page }) => page.evaluate(() => window.session.getToken()));
  return { tabs, user };
}

/**
 * Asserts that refreshes of six-second tokens are as many as those of one tab, which sends one every 4.68 s, less up to
 * 0.2 s of jitter. The limits allow for a busy machine, and so does the one more: a tab whose callers wait asks its peers
 * for 100 ms and then refreshes; if a process of the browser stands still for longer, there are two.
 *
 * @param {readonly number[]} times when they were sent, in milliseconds
 */
export function assertPaceOfOneTab(times) {
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? Number.NaN));
  const cycles = gaps.filter((gap) => !(gap < 2_500));
  const cycle = cycles.reduce((sum, gap) => sum + gap, 0) / cycles.length;
  const told = `${gaps.map(Math.round).join(", ")} ms between refreshes`;
  assert.ok(gaps.length - cycles.length <= 1, told);
  assert.ok(cycle > 4_450 && cycle < 5_600, told);
}

/**
 * Does the same on all tabs at the same time.
 *
 * @template T
 * @param {readonly import("./page.mjs").TestPage[]} tabs
 * @param {(tab: import("./page.mjs").TestPage) => Promise<T>} work
 * @returns {Promise<T[]>}
 */
export function everywhere(tabs, work) {
  return Promise.all(tabs.map(work));
}

/**
 * Makes a page call an API at a fixed interval from now on, whether or not the last call is pending.
 *
 * @param {import("./page.mjs").Evaluates} page
 * @param {string} url
 * @param {number} [every] milliseconds
 */
export async function startCalls(page, url, every = 250) {
  await page.evaluate(
    (address, pause) => {
      /** @type {Calls} */
      const calls = { answered: 0, failed: [], waiting: 0, slowest: 0 };
      const call = async () => {
        const begun = performance.now();
        calls.waiting++;
        try {
          const { status } = await window.session.fetch(address);
          if (status === 200) calls.answered++;
          else calls.failed.push(String(status));
        } catch (error) {
          calls.failed.push(String(Reflect.get(Object(error), "code") ?? error));
        }
        calls.waiting--;
        calls.slowest = Math.max(calls.slowest, performance.now() - begun);
      };
      window.calls = calls;
      window.stopCalls = clearInterval.bind(window, setInterval(call, pause));
    },
    url,
    every,
  );
}

/**
 * Ends the load and waits for pending calls.
 *
 * @param {import("./page.mjs").Evaluates} page
 * @returns {Promise<Calls>}
 */
export async function stopCalls(page) {
  await page.evaluate(() => window.stopCalls());
  const isOver = () => page.evaluate(() => window.calls.waiting === 0);
  await until("all calls are answered", isOver, { within: 60_000, every: 50 });
  return page.evaluate(() => window.calls);
}
