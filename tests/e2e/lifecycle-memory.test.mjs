import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { callOften, createOften, measureGrowth, refreshOften, stubApi } from "./harness/heap.mjs";
import { newUser, openSession, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** The limit of the heap's growth for one operation: less than any object. */
const BYTES_EACH = 8;

/** The heap's growth that does not depend on the number of operations: caches of the engine. */
const BYTES_IN_ALL = 100_000;

test("P40 refreshes, calls and closed sessions leave nothing behind", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { REFRESHES_PER_MINUTE: "0" }), launchBrowser(t)]);
  // Without a network recording, which keeps every request in memory.
  const page = await browser.newPage();
  await stubApi(page, server.api);
  await page.goto(`${server.auth}/blank.html`);
  await openSession(page, server);
  await signIn(page, newUser(), "sign-up");

  for (const [name, times, work] of /** @type {[string, number, (times: number) => Promise<void>][]} */ ([
    ["200 refreshes", 200, (times) => refreshOften(page, times)],
    ["200 sessions created and closed", 200, (times) => createOften(page, server.auth, times)],
    ["20,000 calls", 20_000, (times) => callOften(page, `${server.api}/notes`, times)],
  ])) {
    await t.test(name, async (one) => {
      const { before, after, growth } = await measureGrowth(page, times, work);

      one.diagnostic(`${JSON.stringify(before)} ${JSON.stringify(after)}: ${growth.toFixed(1)} bytes each`);
      assert.equal(after.listeners, before.listeners);
      assert.equal(after.wasm, before.wasm);
      assert.ok(growth < BYTES_EACH || after.heap - before.heap < BYTES_IN_ALL, `${growth} bytes each`);
    });
  }
});
