/** Measures the cost of a call and of `getToken`, with a fresh token and without a network. */

import { median, shuffled } from "../scene.mjs";
import { COSTS } from "./bundle.mjs";
import { CONTESTANTS } from "./contestants.mjs";
import { roundsOf } from "./rounds.mjs";
import { arrive, startMock } from "./visits.mjs";

/** Several pages, because JIT compilation differs from page to page. */
const PAGES = 3;
/** Rounds that warm the JIT compiler up. */
const WARM_UPS = 3;
const ROUNDS = roundsOf(16);
const SPAN_MS = 20;

/** No token expires while it is measured. */
const LIFE_SECONDS = 3_600;

/**
 * Microseconds of one; `over` is the difference to the platform's own `fetch` in the same round, without and with cached
 * cookies.
 *
 * @typedef {{ call: number, over: number, overWithCookies: number, token: number | undefined }} Measured
 */

/**
 * All clients take turns, each on a page of its own, because one of them replaces `fetch`.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @returns {Promise<Map<string, Measured>>} medians, by contestant
 */
export async function measureCosts(browser) {
  /** @type {Map<string, Measured[]>} */
  const rounds = new Map(CONTESTANTS.map(({ name }) => [name, []]));
  const mocks = [];
  const visitors = [];
  for (const contestant of CONTESTANTS) {
    const mock = await startMock(contestant, LIFE_SECONDS);
    mocks.push(mock);
    visitors.push({ name: contestant.name, mock, page: (await arrive(browser, mock, LIFE_SECONDS)).page });
  }
  for (let i = 0; i < PAGES; i += 1) {
    for (const { page, mock } of visitors) {
      await page.goto(`${mock.origins.page}${COSTS}`);
      await page.evaluate(() => window.costs);
    }
    for (let round = -WARM_UPS; round < ROUNDS; round += 1) {
      for (const { name, page } of shuffled(visitors)) {
        await page.bringToFront();
        const measured = await page.evaluate(measure, SPAN_MS, round + WARM_UPS);
        if (round >= 0) rounds.get(name)?.push(measured);
      }
    }
  }
  for (const { page } of visitors) await page.browserContext().close();
  for (const mock of mocks) mock.stop();
  return new Map([...rounds].map(([name, all]) => [name, medians(all)]));
}

/**
 * Runs on the page; the order of the measurements rotates.
 *
 * @param {number} span in milliseconds
 * @param {number} turn
 * @returns {Promise<Measured>}
 */
async function measure(span, turn) {
  const costs = await window.costs;
  const order = /** @type {const} */ (["native", "call", "callWithCookies", "token"]);
  const measured = { native: 0, call: 0, callWithCookies: 0, token: /** @type {number | undefined} */ (undefined) };
  for (let i = 0; i < order.length; i += 1) {
    const name = order[(i + turn) % order.length] ?? "native";
    const microseconds = await costs[name]?.(span);
    if (microseconds !== undefined) measured[name] = microseconds;
  }
  const { native, call, callWithCookies, token } = measured;
  return { call, over: call - native, overWithCookies: callWithCookies - native, token };
}

/** @param {readonly Measured[]} all @returns {Measured} */
function medians(all) {
  const tokens = all.flatMap(({ token }) => token ?? []);
  return {
    call: median(all.map(({ call }) => call)),
    over: median(all.map(({ over }) => over)),
    overWithCookies: median(all.map(({ overWithCookies }) => overWithCookies)),
    token: tokens.length > 0 ? median(tokens) : undefined,
  };
}
