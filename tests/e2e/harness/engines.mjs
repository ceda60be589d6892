/** One interface of the three engines, for tests that are the same in all of them. */

import { findWebKit, NO_WEBKIT, openScreen } from "../../tools/webkit.mjs";
import { launchBrowser, launchFirefox } from "./browser.mjs";
import { until } from "./until.mjs";
import { WebDriverBrowser } from "./webdriver.mjs";

/**
 * A tab, with the operations that every driver has.
 *
 * @typedef {object} Tab
 * @property {import("puppeteer-core").Page["evaluate"]} evaluate
 * @property {(url: string) => Promise<void>} goto
 * @property {() => Promise<string>} url rejects if it is closed
 * @property {() => Promise<void>} back
 * @property {() => Promise<void>} reload
 * @property {(selector: string) => Promise<void>} click as a user does, when there is such an element
 * @property {(selector: string, text: string) => Promise<void>} type
 * @property {() => Promise<void>} hide makes the page hidden, as a user does
 * @property {() => Promise<void>} show
 * @property {() => Promise<void>} close
 */

/**
 * A browser profile, which shares nothing with others.
 *
 * @typedef {object} Profile
 * @property {() => Promise<Tab>} openTab
 * @property {(act: () => Promise<void>) => Promise<Tab>} openedBy returns the window that something opens
 * @property {boolean} findsCached whether its driver finds a page that comes out of the back/forward cache
 * @property {() => Promise<number>} count how many tabs and windows are open
 */

/** @typedef {{ after: (end: () => Promise<void> | void) => void }} Ending what ends something after its tests */

/**
 * @typedef {object} Engine
 * @property {string} name
 * @property {string} missing why it is not on this machine; empty if it is
 * @property {(ending: Ending) => Promise<(test: import("node:test").TestContext) => Promise<Profile>>} start returns a function
 *   that opens a profile for one test
 */

/** @type {Engine} */
export const chromium = {
  name: "Chromium",
  missing: "",
  start: async (ending) => contextsOf(await launchBrowser(ending)),
};

/** @type {Engine} */
export const firefox = {
  name: "Firefox",
  missing: "",
  // Its driver loses a page that comes out of the back/forward cache: there is none, and pages are loaded again.
  start: async (ending) => contextsOf(await launchFirefox(ending, { "browser.sessionhistory.max_total_viewers": 0 })),
};

/** @type {Engine} */
export const webkit = {
  name: "WebKitGTK",
  missing: NO_WEBKIT,
  start: async (ending) => {
    const files = await findWebKit(() => {});
    const screen = await openScreen(files);
    ending.after(screen.close);
    return async (test) => {
      const browser = await WebDriverBrowser.launch(files.driver, screen.env);
      test.after(() => browser.close());
      return browser;
    };
  },
};

/**
 * @param {import("puppeteer-core").Browser} browser
 * @returns {(test: import("node:test").TestContext) => Promise<Profile>}
 */
function contextsOf(browser) {
  return async (test) => {
    const context = await browser.createBrowserContext();
    test.after(() => context.close());
    return {
      openTab: async () => tabOf(await context.newPage()),
      openedBy: async (act) => {
        const before = await context.pages();
        await act();
        const isNew = (/** @type {import("puppeteer-core").Page} */ page) => !before.includes(page);
        return tabOf(await until("a window was opened", async () => (await context.pages()).find(isNew)));
      },
      findsCached: true,
      count: async () => (await context.pages()).length,
    };
  };
}

/** @param {import("puppeteer-core").Page} page @returns {Tab} */
function tabOf(page) {
  /** What covers it while it is hidden. @type {import("puppeteer-core").Page | undefined} */
  let cover;
  return {
    evaluate: page.evaluate.bind(page),
    goto: async (url) => {
      await page.goto(url);
    },
    url: async () => {
      if (page.isClosed()) throw new Error("the page is closed");
      return page.url();
    },
    back: async () => {
      await page.goBack();
    },
    reload: async () => {
      await page.reload();
    },
    click: async (selector) => {
      await page.bringToFront();
      await page.locator(selector).click();
    },
    type: (selector, text) => page.locator(selector).fill(text),
    hide: async () => {
      cover = await page.browserContext().newPage();
      await cover.bringToFront();
    },
    show: async () => {
      await page.bringToFront();
      await cover?.close();
    },
    close: () => page.close(),
  };
}
