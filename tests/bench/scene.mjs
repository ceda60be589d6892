/** Shared by the benches in a browser: a server and a browser that end with the bench, and medians in a table. */

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { startServer } from "../e2e/harness/server.mjs";

/** @typedef {Awaited<ReturnType<typeof startServer>>} Server */
/** @typedef {import("puppeteer-core").Browser} Browser */

/**
 * Runs the bench with a server and a browser, and ends both after it.
 *
 * @param {Record<string, string | undefined>} env settings of the server
 * @param {(server: Server, browser: Browser) => Promise<readonly string[]>} bench
 *   returns what is over its budget: then the exit code is 1
 * @param {Parameters<typeof launchBrowser>[1]} [look] how the browser is launched
 */
export function onStage(env, bench, look = {}) {
  return staged(async (test) => {
    const [server, browser] = await Promise.all([startServer(test, env), launchBrowser(test, look)]);
    return bench(server, browser);
  });
}

/**
 * Runs the bench with a browser, and ends it after it.
 *
 * @param {(browser: Browser) => Promise<readonly string[]>} bench as for {@link onStage}
 */
export function inBrowser(bench) {
  return staged(async (test) => bench(await launchBrowser(test)));
}

/**
 * Runs a bench that starts its own servers, and ends them after it.
 *
 * @param {(test: import("node:test").TestContext) => Promise<readonly string[]>} play as for {@link onStage}
 */
export async function staged(play) {
  /** @type {(() => Promise<void>)[]} */
  const endings = [];
  const owner = {
    passed: false,
    after: (/** @type {() => Promise<void>} */ end) => endings.unshift(end),
    diagnostic: (/** @type {string} */ text) => console.error(text),
  };
  try {
    // The harness needs only a test's `after`.
    const excesses = await play(/** @type {import("node:test").TestContext} */ (/** @type {unknown} */ (owner)));
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
 * Aligns columns: the first ones to the left, the others to the right.
 *
 * @param {readonly (readonly string[])[]} rows
 * @param {number} [left] how many columns are words
 */
export function table(rows, left = 1) {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/**
 * The values in random order.
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
