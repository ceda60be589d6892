/** Measures a page's memory and listeners after a garbage collection. */

/**
 * The memory and the listeners of a page.
 *
 * @typedef {object} Kept
 * @property {number} heap bytes of JavaScript objects
 * @property {number} wasm bytes of the module's memory
 * @property {number} listeners event listeners, of the SDK and of the page
 */

/**
 * Repeats something, and compares the page's memory before and after the second half of the repetitions.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {number} times how often, in all
 * @param {(times: number) => Promise<void>} work does it that often
 * @returns {Promise<{ before: Kept, after: Kept, growth: number }>} `growth`: bytes of heap for each time
 */
export async function measureGrowth(page, times, work) {
  await work(times / 2);
  const before = await measure(page);
  await work(times / 2);
  const after = await measure(page);
  return { before, after, growth: (after.heap - before.heap) / (times / 2) };
}

/** @param {import("puppeteer-core").Page} page @returns {Promise<Kept>} */
async function measure(page) {
  const session = await page.createCDPSession();
  await session.send("HeapProfiler.enable");
  // Finalizers of one collection can free objects for the next one.
  for (let round = 0; round < 3; round++) await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  await session.detach();
  const memories = await moduleMemories(page);
  const wasm = await memories.evaluate((all) => all.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  await memories.dispose();
  const value = (/** @type {string} */ name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return { heap: value("JSHeapUsedSize"), wasm, listeners: value("JSEventListeners") };
}

/**
 * Finds the memories of the modules on a page, after a collection of unreachable ones.
 *
 * @param {import("puppeteer-core").Page} page
 */
export async function moduleMemories(page) {
  const prototype = await page.evaluateHandle(() => WebAssembly.Memory.prototype);
  const memories = await page.queryObjects(prototype);
  await prototype.dispose();
  return memories;
}

/**
 * Renews the token repeatedly, each time at the server.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {number} times
 */
export async function refreshOften(page, times) {
  await page.evaluate(async (count) => {
    for (let done = 0; done < count; done++) await window.session.refresh({ force: true });
  }, times);
}

/**
 * Calls an API repeatedly, ten calls at a time. No request leaves the page: {@link stubApi} responds.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} url
 * @param {number} times
 */
export async function callOften(page, url, times) {
  await page.evaluate(
    async (address, count) => {
      for (let done = 0; done < count; done += 10) {
        const calls = Array.from({ length: 10 }, () => window.session.fetch(address, { method: "POST", body: "x" }));
        for (const { status } of await Promise.all(calls)) if (status !== 200) throw new Error(String(status));
      }
    },
    url,
    times,
  );
}

/**
 * Creates and closes sessions repeatedly, each with listeners.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} auth
 * @param {number} times
 */
export async function createOften(page, auth, times) {
  await page.evaluate(
    async (address, count) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      for (let done = 0; done < count; done++) {
        const session = createSession({ auth: address, storageKey: "of this test" });
        await session.ready;
        session.subscribe(() => undefined);
        session.on("call", () => undefined);
        session.close();
      }
    },
    auth,
    times,
  );
}

/**
 * Stubs the requests to an origin on the page, before the SDK reads the page's `fetch`.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} origin
 */
export async function stubApi(page, origin) {
  await page.evaluateOnNewDocument((api) => {
    const { fetch } = window;
    window.fetch = (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      return url.startsWith(api) ? Promise.resolve(new Response("answer")) : fetch(input, init);
    };
  }, origin);
}
