/** What the benches in the browser share: a server and a browser that end with the bench, and medians in a table. */

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { startServer } from "../e2e/harness/server.mjs";

/** @typedef {Awaited<ReturnType<typeof startServer>>} Server */
/** @typedef {import("puppeteer-core").Browser} Browser */

/**
 * Gives the bench a server and a browser, and ends both after it.
 *
 * @param {Record<string, string | undefined>} env settings of the server
 * @param {(server: Server, browser: Browser) => Promise<readonly string[]>} bench
 *   gives what is over its budget, which ends the process with code 1
 * @param {Parameters<typeof launchBrowser>[1]} [look] how the browser is launched
 */
export async function onStage(env, bench, look = {}) {
  /** @type {(() => Promise<void>)[]} */
  const endings = [];
  const owner = {
    passed: false,
    after: (/** @type {() => Promise<void>} */ end) => endings.unshift(end),
    diagnostic: (/** @type {string} */ text) => console.error(text),
  };
  // What the harness asks of a test: to be told of its end.
  const test = /** @type {import("node:test").TestContext} */ (/** @type {unknown} */ (owner));
  try {
    const [server, browser] = await Promise.all([startServer(test, env), launchBrowser(test, look)]);
    const excesses = await bench(server, browser);
    owner.passed = true;
    for (const excess of excesses) console.error(`Over the budget: ${excess}`);
    if (excesses.length > 0) process.exitCode = 1;
  } finally {
    for (const end of endings) await end();
  }
}

/** @param {readonly number[]} values one at least */
export function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/**
 * Lines up columns: the first to the left, the others to the right.
 *
 * @param {readonly (readonly string[])[]} rows
 */
export function table(rows) {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

/**
 * The same values in another order, a random one.
 *
 * @template T
 * @param {readonly T[]} values
 */
export function shuffled(values) {
  return values
    .map((value) => ({ value, key: Math.random() }))
    .sort((left, right) => left.key - right.key)
    .map(({ value }) => value);
}
