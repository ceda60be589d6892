/** Visits with each client: sign-in, and a page load with a call when a refresh is due. */

import { until } from "../../e2e/harness/until.mjs";
import { makeSite } from "./bundle.mjs";
import { Mock } from "./mocks/server.mjs";

/** @typedef {import("./contestants.mjs").Contestant} Contestant */
/** @typedef {import("puppeteer-core").Browser} Browser */
/** @typedef {import("puppeteer-core").Page} Page */

/** Some clients count whole seconds, and round up. */
const ROUNDING_MS = 1_000;

/** @typedef {{ page: Page, mock: Mock, due: number, lastVisit: number }} Visitor `due` in seconds after a visit */

/**
 * Starts the server of a client, with its page.
 *
 * @param {Contestant} contestant
 * @param {number} due after how many seconds the client takes a token for expired
 */
export async function startMock(contestant, due) {
  const mock = new Mock(contestant.protocol, contestant.lead + due, await makeSite(contestant));
  await mock.start();
  return mock;
}

/**
 * Signs a user in, in a new browser context.
 *
 * @param {Browser} browser
 * @param {Mock} mock
 * @param {number} due
 * @returns {Promise<Visitor>}
 */
export async function arrive(browser, mock, due) {
  const page = await (await browser.createBrowserContext()).newPage();
  /** @type {unknown[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(`${mock.origin}/start.html?sign-in`);
  const isIn = () => page.evaluate(() => document.title === "signed in").catch(() => false);
  await until("signed in", isIn).catch((error) => {
    throw new AggregateError([error, ...errors], `${mock.origin}: ${[error, ...errors].map(String).join("; ")}`);
  });
  await leave(page);
  return { page, mock, due, lastVisit: performance.now() };
}

/**
 * Loads the page once a refresh is due, and returns the times of its first call.
 *
 * @param {Visitor} visitor
 * @param {number} [roundTripMs]
 * @returns {Promise<ColdStart & { requests: string[] }>} with the paths of the requests to auth server and API
 */
export async function visit(visitor, roundTripMs = 0) {
  const { page, mock, due, lastVisit } = visitor;
  await until("a refresh is due", () => performance.now() > lastVisit + due * 1_000 + ROUNDING_MS);
  mock.roundTripMs = roundTripMs;
  mock.requests.length = 0;
  await page.bringToFront();
  await page.goto(`${mock.origin}/start.html`);
  const told = await page.evaluate(() => window.told);
  const requests = [...mock.requests];
  if (requests.every((path) => path === "/notes")) throw new Error(`${page.url()}: no refresh before the first answer`);
  // An open page would renew its token.
  await leave(page);
  mock.roundTripMs = 0;
  visitor.lastVisit = performance.now();
  return { ...told, requests };
}

/** @param {Page} page */
async function leave(page) {
  await page.goto("about:blank");
}
