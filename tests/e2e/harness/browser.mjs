/** Real Chromium and Firefox, one process a test file or test, with contexts that share nothing. */

import puppeteer from "puppeteer-core";

import { findBrowser, findFirefox } from "../../tools/browser.mjs";

/** Flags of Puppeteer that disable the throttling of hidden pages: removed for tests of that throttling. */
const KEPT_AWAKE = [
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

/** Hidden pages wake once a minute, ten seconds after they were hidden and not five minutes. */
const INTENSIVE_THROTTLING = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10";

/**
 * Launches Chromium for one test, or for all tests of a file; it ends with them.
 *
 * @param {import("./engines.mjs").Ending} test
 * @param {{ throttled?: boolean, extensions?: boolean, certificate?: string, args?: readonly string[] }} [options]
 *   `throttled`: hidden pages are throttled as much as Chromium ever does; `extensions`: extensions can be loaded;
 *   `certificate`: of all that are not valid this one is accepted, and counts as valid, by the hash of its public key
 * @returns {Promise<import("puppeteer-core").Browser>}
 */
export async function launchBrowser(test, { throttled = false, extensions = false, certificate, args = [] } = {}) {
  const executablePath = process.env.CHROMIUM ?? (await findBrowser(() => {})).chromium;
  const browser = await puppeteer.launch({
    executablePath,
    headless: true,
    acceptInsecureCerts: certificate === undefined,
    ignoreDefaultArgs: throttled ? KEPT_AWAKE : [],
    enableExtensions: extensions,
    args: [
      ...sandboxArguments(),
      ...(throttled ? [INTENSIVE_THROTTLING] : []),
      ...(certificate === undefined ? [] : [`--ignore-certificate-errors-spki-list=${certificate}`]),
      ...args,
    ],
    // The timeout of a test ends it.
    protocolTimeout: 300_000,
  });
  test.after(() => browser.close());
  return browser;
}

/**
 * Launches Firefox for one test, or for all tests of a file; it ends with them. It is driven over WebDriver BiDi: there
 * is no CDP, so a page's requests are observed by the server's counters or a proxy.
 *
 * @param {import("./engines.mjs").Ending} test
 * @param {Record<string, string | number>} [preferences]
 * @returns {Promise<import("puppeteer-core").Browser>}
 */
export async function launchFirefox(test, preferences = {}) {
  const executablePath = process.env.FIREFOX ?? (await findFirefox(() => {}));
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: preferences,
    protocolTimeout: 300_000,
  });
  test.after(() => browser.close());
  return browser;
}

/** Chromium's sandbox does not start for root, nor in most containers. */
export function sandboxArguments() {
  const needless = process.getuid?.() === 0 || process.env.CI !== undefined;
  return needless ? ["--no-sandbox", "--disable-dev-shm-usage"] : [];
}
