/** Many tabs of one user, and a steady load of API calls. */

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
 * Whether that is the interval of one tab's refreshes of six-second tokens: 4.68 s, less up to 0.2 s of jitter; the rest
 * allows for a busy machine.
 *
 * @param {number} ms
 */
export function isCycleOfSixSeconds(ms) {
  return ms > 4_450 && ms < 5_600;
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
