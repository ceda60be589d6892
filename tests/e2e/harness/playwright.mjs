/** Playwright, as an app's own end-to-end tests use it, with the browser of the other tests. */

import { chromium } from "playwright-core";

import { findBrowser } from "../../tools/browser.mjs";
import { sandboxArguments } from "./browser.mjs";

/**
 * Launches Chromium for one test; it ends with it.
 *
 * @param {import("node:test").TestContext} test
 */
export async function launchPlaywright(test) {
  const executablePath = process.env.CHROMIUM ?? (await findBrowser(() => {})).chromium;
  const browser = await chromium.launch({ executablePath, args: sandboxArguments() });
  test.after(() => browser.close());
  return browser;
}

/**
 * A page for the harness's functions, which give several arguments: Playwright's `evaluate` takes one.
 *
 * @param {import("playwright-core").Page} page
 * @returns {import("./page.mjs").Evaluates}
 */
export function evaluating(page) {
  /** @param {Function} run @param {unknown[]} given */
  const evaluate = (run, ...given) => page.evaluate(`(${run})(...${JSON.stringify(given)})`);
  return { evaluate: /** @type {never} */ (evaluate) };
}
