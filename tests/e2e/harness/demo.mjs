/** The demo page in the browser. */

import { recordNetwork } from "./network.mjs";
import { until } from "./until.mjs";

/**
 * @typedef {object} Visit
 * @property {import("puppeteer-core").Page} page
 * @property {import("./network.mjs").Network} network
 * @property {string[]} complaints the console's messages so far: errors, warnings, violations of the Content-Security-Policy
 */

/**
 * Opens the demo page and waits until it is signed out.
 *
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {import("./server.mjs").Server} server
 * @returns {Promise<Visit>}
 */
export async function visit(context, server) {
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(message.text());
  });
  const network = await recordNetwork(page);
  await page.goto(`${server.auth}/`);
  await shows(page, "state", "signed_out");
  return { page, network, complaints };
}

/**
 * Opens the demo page and signs up with a throw-away account.
 *
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {import("./server.mjs").Server} server
 * @returns {Promise<Visit>}
 */
export async function openDemo(context, server) {
  const opened = await visit(context, server);
  await press(opened.page, "auth-throwaway");
  await shows(opened.page, "state", "signed_in");
  return opened;
}

/**
 * Clicks the element with the test id with the mouse, in view.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} id
 */
export async function press(page, id) {
  await page.bringToFront();
  await page.locator(`[data-testid="${id}"]`).click();
}

/**
 * The text of the element with the test id.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} id
 */
export function text(page, id) {
  return page.$eval(`[data-testid="${id}"]`, (found) => found.textContent?.trim() ?? "");
}

/**
 * The number of the timeline's rows that match a selector.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} selector such as `[data-kind="call"]`
 */
export function rows(page, selector) {
  return page.$$eval(`[data-testid="row"]${selector}`, (found) => found.length);
}

/**
 * Waits until the element with the test id has that `data-state`.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} id
 * @param {string} state
 * @param {number} [within] milliseconds
 */
export async function shows(page, id, state, within = 15_000) {
  const look = () => page.$eval(`[data-testid="${id}"]`, (found) => found.getAttribute("data-state"));
  await until(`${id} is ${state}`, async () => (await look()) === state, { within });
}
