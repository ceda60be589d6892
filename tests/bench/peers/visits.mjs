/** Visits with each client: sign-in, and a page load with a call when a refresh is due. */

import { until } from "../../e2e/harness/until.mjs";
import { makeSite, TOGETHER } from "./bundle.mjs";
import { Mock } from "./mocks/server.mjs";

/** @typedef {import("./contestants.mjs").Contestant} Contestant */
/** @typedef {import("puppeteer-core").Browser} Browser */
/** @typedef {import("puppeteer-core").Page} Page */

/** Some clients count whole seconds, and round up. */
const ROUNDING_MS = 1_000;

/** @typedef {{ page: Page, mock: Mock, path: string, due: number, lastVisit: number }} Visitor `due` in seconds after a visit */

/**
 * How a page is loaded: what each request takes at least, and how much slower the processor is.
 *
 * @typedef {{ roundTripMs?: number, slowdown?: number }} Conditions
 */

/**
 * Starts the server of a client, with its page.
 *
 * @param {Contestant} contestant
 * @param {number} due after how many seconds the client takes a token for expired
 */
export async function startMock(contestant, due) {
  const mock = new Mock(contestant.protocol, contestant.lead + due);
  await mock.start();
  mock.files = await makeSite(contestant, mock.origins);
  mock.age = contestant.age;
  return mock;
}

/**
 * Signs a user in, in a new browser context.
 *
 * @param {Browser} browser
 * @param {Mock} mock
 * @param {number} due
 * @param {string} [path] of the page, which says where its servers are
 * @returns {Promise<Visitor>}
 */
export async function arrive(browser, mock, due, path = TOGETHER) {
  const page = await (await browser.createBrowserContext()).newPage();
  /** @type {unknown[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(`${mock.origins.page}${path}?sign-in`);
  const isIn = () => page.evaluate(() => document.title === "signed in").catch(() => false);
  await until("signed in", isIn).catch((error) => {
    const all = [error, ...errors];
    throw new AggregateError(all, `${mock.origins.page}${path}: ${all.map(String).join("; ")}`);
  });
  await leave(page, mock);
  return { page, mock, path, due, lastVisit: performance.now() };
}

/**
 * Loads the page once a refresh is due, and returns the times of its first call.
 *
 * @param {Visitor} visitor
 * @param {Conditions} [conditions]
 * @returns {Promise<ColdStart & { requests: string[], preflights: number }>} with the paths of the requests up to its answer
 */
export async function visit(visitor, { roundTripMs = 0, slowdown } = {}) {
  const { page, mock, path, due, lastVisit } = visitor;
  await until("a refresh is due", () => performance.now() > lastVisit + due * 1_000 + ROUNDING_MS);
  mock.roundTripMs = roundTripMs;
  mock.requests.length = 0;
  await page.bringToFront();
  // For the visit alone: a page that is slowed down takes processor time even when it is blank.
  await page.emulateCPUThrottling(slowdown ?? null);
  await page.goto(`${mock.origins.page}${path}`);
  const told = await page.evaluate(() => window.told);
  await page.emulateCPUThrottling(null);
  // A page that took long has renewed its token since.
  const asked = mock.requests.slice(
    0,
    1 + mock.requests.findIndex((one) => one.path === "/notes" && one.status === 200),
  );
  // An open page would renew its token.
  await leave(page, mock);
  mock.roundTripMs = 0;
  visitor.lastVisit = performance.now();
  const requests = asked.filter(({ method }) => method !== "OPTIONS");
  if (requests.every((one) => one.path === "/notes")) throw new Error(`${path}: no refresh before the first answer`);
  const strays = path === TOGETHER ? asked.filter(({ at }) => at !== "page") : asked.filter(({ at }) => at === "page");
  if (strays.length > 0) throw new Error(`${path}: another origin was asked for ${strays[0]?.path}`);
  return { ...told, requests: requests.map((one) => one.path), preflights: asked.length - requests.length };
}

/** @param {Page} page @param {Mock} mock */
async function leave(page, { age }) {
  if (age) await page.evaluate(age);
  await page.goto("about:blank");
}
