/** Measures the memory of a page with an open session after a call, over that of the same page without a client. */

import { moduleMemories } from "../../e2e/harness/heap.mjs";
import { median } from "../scene.mjs";
import { WITHOUT } from "./bundle.mjs";
import { CONTESTANTS } from "./contestants.mjs";
import { roundsOf } from "./rounds.mjs";
import { arrive, startMock } from "./visits.mjs";

const ROUNDS = roundsOf(5);

/** No token expires while it is measured. */
const LIFE_SECONDS = 3_600;

/** Bytes: of JavaScript's heap, and of the memories of WebAssembly modules. @typedef {{ heap: number, module: number }} Memory */

/**
 * Each client is on a page of its own, in turns with the page without it.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @returns {Promise<Map<string, Memory>>} medians, by contestant
 */
export async function measureMemory(browser) {
  const measured = new Map();
  for (const contestant of CONTESTANTS) {
    const mock = await startMock(contestant, LIFE_SECONDS);
    const { page, path } = await arrive(browser, mock, LIFE_SECONDS);
    /** @type {Memory[]} */
    const rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const bare = await memoryOf(page, `${mock.origins.page}${WITHOUT}`, 401);
      const open = await memoryOf(page, `${mock.origins.page}${path}`, 200);
      rounds.push({ heap: open.heap - bare.heap, module: open.module - bare.module });
    }
    await page.browserContext().close();
    mock.stop();
    const of = (/** @type {keyof Memory} */ part) => median(rounds.map((one) => one[part]));
    measured.set(contestant.name, { heap: of("heap"), module: of("module") });
  }
  return measured;
}

/**
 * @param {import("puppeteer-core").Page} page
 * @param {string} url
 * @param {number} expected status of the page's call
 * @returns {Promise<Memory>}
 */
async function memoryOf(page, url, expected) {
  await page.goto(url);
  const { status } = await page.evaluate(() => window.told);
  if (status !== expected) throw new Error(`${url}: the first answer was ${status}`);
  const session = await page.createCDPSession();
  await session.send("HeapProfiler.enable");
  // Finalizers of one collection can free objects for the next one.
  for (let round = 0; round < 3; round++) await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  const memories = await moduleMemories(page);
  const module = await memories.evaluate((all) => all.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  await memories.dispose();
  return { heap: usedSize, module };
}
