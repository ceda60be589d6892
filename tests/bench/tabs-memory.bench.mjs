/** Measures the memory that refreshes, calls and sessions retain after a garbage collection: none. */

import { callOften, createOften, measureGrowth, refreshOften, stubApi } from "../e2e/harness/heap.mjs";
import { newUser, openSession, signIn } from "../e2e/harness/page.mjs";
import { onStage, table } from "./scene.mjs";

/** The limit of the heap's growth for one operation: less than any object. */
const BUDGET_BYTES = 8;

await onStage({ REFRESHES_PER_MINUTE: "0" }, async (server, browser) => {
  const page = await browser.newPage();
  await stubApi(page, server.api);
  await page.goto(`${server.auth}/blank.html`);
  await openSession(page, server);
  await signIn(page, newUser(), "sign-up");
  const rows = [["second half of", "heap, bytes each", "module, bytes", "listeners"]];
  const excesses = [];
  for (const [name, times, work] of /** @type {[string, number, (times: number) => Promise<void>][]} */ ([
    ["10,000 refreshes", 10_000, (times) => refreshOften(page, times)],
    ["100,000 calls", 100_000, (times) => callOften(page, `${server.api}/notes`, times)],
    ["1,000 sessions created and closed", 1_000, (times) => createOften(page, server.auth, times)],
  ])) {
    const { before, after, growth } = await measureGrowth(page, times, work);
    const [module, listeners] = [after.wasm - before.wasm, after.listeners - before.listeners];
    rows.push([name, growth.toFixed(1), String(module), String(listeners)]);
    if (growth > BUDGET_BYTES) excesses.push(`${name}: ${growth.toFixed(0)} bytes of heap each`);
    if (module > 0) excesses.push(`${name}: ${module} bytes of the module's memory`);
    if (listeners > 0) excesses.push(`${name}: ${listeners} listeners`);
  }
  console.log(table(rows));
  return excesses;
});
