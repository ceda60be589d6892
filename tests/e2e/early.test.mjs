/** `nolapse/early`: the first refresh, sent by a script in the page's head. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { readDocument } from "../docs/documents.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { recordNetwork } from "./harness/network.mjs";
import { newUser, openPage, openSession, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */

const MODULE = "/nolapse/nolapse_bg.wasm";

/**
 * Adds the script to a page, with these attributes.
 *
 * @param {Page} page
 * @param {Record<string, string>} attributes
 */
function add(page, attributes) {
  return page.evaluate((attributes) => {
    const script = document.createElement("script");
    for (const [name, value] of Object.entries(attributes)) script.setAttribute(name, value);
    script.src = "/nolapse/early.js";
    document.head.append(script);
  }, attributes);
}

/** @param {Page} page @param {{ api: string }} server */
function call(page, server) {
  return page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);
}

/** @param {import("./harness/network.mjs").Network} network */
function renewed(network) {
  return until("the token is renewed", () => network.refreshes().some(({ status }) => status === 200));
}

/** The names of the locks that are held or asked for. @param {Page} page */
function locks(page) {
  return page.evaluate(async () => {
    const { held = [], pending = [] } = await navigator.locks.query();
    return [...held, ...pending].map(({ name }) => name);
  });
}

test("P02 a script in the head sends the first refresh, and the session that is created later takes it", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  const before = network.to(MODULE).length;

  await page.goto(`${server.auth}/early.html`);
  await renewed(network);
  await openSession(page, server);

  assert.equal(await call(page, server), 200);
  const [refresh, ...more] = network.refreshes();
  assert.deepEqual(more, []);
  assert.equal(network.to(MODULE).length - before, 1, "the module is taken from its preload");
  const { reason, dpop } = JSON.parse(refresh?.body ?? "");
  assert.equal(reason, "load");
  assert.match(dpop, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  await until("the lock is free", async () => (await locks(page)).length === 0);
  await page.evaluate(() => window.session.refresh({ force: true }));
  assert.equal(network.refreshes().length, 2);
});

test("the script asks nothing for a visitor, and the session says that nobody is signed in", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);

  await page.goto(`${server.auth}/early.html`);
  await openSession(page, server);

  assert.equal(await page.evaluate(() => window.session.status.state), "signed_out");
  assert.deepEqual(network.refreshes(), []);
  await signIn(page, newUser(), "sign-up");
  assert.equal(await call(page, server), 200);
});

test("a refresh that no session takes gives the lock back, the console tells, and the next session is signed in", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  /** @type {string[]} */
  const told = [];
  page.on("console", (message) => told.push(message.text()));
  await page.evaluateOnNewDocument(() => {
    const { setTimeout } = window;
    // Ten seconds pass at once.
    window.setTimeout = /** @type {typeof setTimeout} */ (
      (/** @type {() => void} */ fire, /** @type {number} */ ms) => setTimeout(fire, ms === 10_000 ? 0 : ms)
    );
  });

  await page.goto(`${server.auth}/early.html`);
  await until("the console tells", () => told.length > 0);
  await until("the lock is free", async () => (await locks(page)).length === 0);
  await openSession(page, server);

  assert.equal(await call(page, server), 200);
  assert.deepEqual(told, [`nolapse/early: no session was created for nolapse:${server.auth}/auth/refresh within 10 s`]);
  assert.equal(network.refreshes().length, 2);
  assert.equal((await server.counters()).reuse_alarms, undefined);
});

test("a session with other options leaves the refresh for the one that it is for", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await page.goto(`${server.auth}/early.html`);
  await renewed(network);

  await openSession(page, server, { storageKey: "another" });
  // On a busy machine it is ready before it has the lock for a refresh of its own.
  await until("the other session refreshes", () => network.refreshes().length === 2);
  await openSession(page, server);

  assert.equal(await call(page, server), 200);
  assert.equal(network.refreshes().length, 2);
});

test("the attributes are the options, and a wrong one is an error with its name", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const network = await recordNetwork(page);
  await page.goto(`${server.auth}/blank.html`);
  await openSession(page, server, { storageKey: "mine" });
  await signIn(page, newUser(), "sign-up");
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(/** @type {Error} */ (error).message));

  await page.goto(`${server.auth}/blank.html`);
  await add(page, { "data-auth": server.auth, "data-storage-key": "mine" });
  await renewed(network);
  await openSession(page, server, { storageKey: "mine" });

  assert.equal(await call(page, server), 200);
  assert.equal(network.refreshes().length, 1);
  assert.equal(errors.length, 0);
  for (const [name, value, message] of /** @type {const} */ ([
    ["data-auth", "ftp://auth.example.com", "auth must be an https URL without credentials"],
    ["data-refresh", "ftp://auth.example.com", "auth.refresh must be an https URL, or a path of the page's origin"],
    ["data-context", "a b", "context must be up to 100 visible ASCII characters"],
    ["data-storage-key", "", "storageKey must be 1 to 100 printable characters"],
    ["type", "module", "nolapse/early is for a <script> without type=module"],
  ])) {
    await add(page, { [name]: value });
    await until(`the error of ${name}`, () => errors.includes(message));
  }
  assert.equal(errors.length, 5);
});

test("the elements of the documents do that, with the addresses of what is there", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await page.goto(`${server.auth}/blank.html`);
  const { snippets } = await readDocument("docs/install.md");
  const [element] = snippets.filter(({ text }) => text.includes("data-auth"));
  const [link = {}, script = {}] = await page.evaluate((text) => {
    const { head } = new DOMParser().parseFromString(text, "text/html");
    return [...head.children].map(({ attributes }) =>
      Object.fromEntries([...attributes].map(({ name, value }) => [name, value])),
    );
  }, element?.text ?? "");
  assert.equal(link["href"], "/assets/nolapse_bg-5f1c9a.wasm");
  assert.deepEqual(script, { src: "/nolapse-early.js", "data-auth": "https://auth.example.com" });
  const before = network.to(MODULE).length;

  await page.evaluate(
    (attributes) => {
      const element = document.createElement("link");
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      document.head.append(element);
    },
    { ...link, href: MODULE },
  );
  await add(page, { ...script, "data-auth": server.auth });
  await renewed(network);
  await openSession(page, server);

  assert.equal(await call(page, server), 200);
  assert.equal(network.refreshes().length, 1);
  assert.equal(network.to(MODULE).length - before, 1, "the module is taken from its preload");
});

test("P16 ten tabs with the script that are opened together raise no alarm, and all are signed in", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { page } = await openSignedIn(context, server);
  const tabs = await Promise.all(Array.from({ length: 10 }, () => context.newPage()));
  await page.close();

  const states = await Promise.all(
    tabs.map(async (tab) => {
      await tab.goto(`${server.auth}/early.html`);
      await openSession(tab, server);
      return call(tab, server);
    }),
  );

  assert.deepEqual(states, Array(10).fill(200));
  const { reuse_alarms: alarms, ...counters } = await server.counters();
  assert.equal(alarms, undefined, JSON.stringify(counters));
});
