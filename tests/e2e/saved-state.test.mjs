import assert from "node:assert/strict";
import { test } from "node:test";

import { transform } from "esbuild";

import { readDocument } from "../docs/documents.mjs";
import { newUser, openSession, signIn } from "./harness/page.mjs";
import { evaluating, launchPlaywright } from "./harness/playwright.mjs";
import { startServer } from "./harness/server.mjs";

/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("playwright-core").BrowserContext} Context */
/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./harness/server.mjs").Server} Server */

/** How many contexts begin with one state, or sign in side by side, as the workers of a test runner do. */
const CONTEXTS = 3;

/** No grace: what holds then holds however much time lies between the contexts. */
const NO_GRACE = { GRACE_SECONDS: "0", DEVICE_BINDING: "0" };

/** As `docs/testing.md` says for a suite that shares a state. */
const LONG_GRACE = { GRACE_SECONDS: "600", DEVICE_BINDING: "0" };

const { snippets } = await readDocument("docs/testing.md");

/**
 * Imports the snippet of `docs/testing.md` that exports this function, with the server's addresses.
 *
 * @param {string} name
 * @param {Server} server
 * @returns {Promise<any>}
 */
async function follow(name, server) {
  const snippet = snippets.find(
    ({ text }) => text.includes(`export async function ${name}(`) || text.includes(`export function ${name}(`),
  );
  const told = (snippet?.text ?? "").replaceAll(/https:\/\/(auth|app)\.example\.com/g, server.auth);
  const { code } = await transform(told, { loader: "ts" });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`))[name];
}

/**
 * Starts a server and a browser, signs a new user up in a context of their own, and saves that context's state.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} env
 */
async function save(t, env) {
  const [server, browser] = await Promise.all([startServer(t, env), launchPlaywright(t)]);
  const context = await browser.newContext();
  const page = await load(await context.newPage(), server);
  await signIn(evaluating(page), newUser(), "sign-up");
  const state = await context.storageState();
  await context.close();
  const open = async () => load(await (await browser.newContext({ storageState: state })).newPage(), server);
  return { server, open };
}

/**
 * Loads the app in a page, until it has a token where there is a session: each such load is a refresh.
 *
 * @param {Page} page
 * @param {Server} server
 */
async function load(page, server) {
  await page.goto(`${server.auth}/blank.html`);
  await openSession(evaluating(page), server);
  await page.evaluate(() => window.session.getToken().catch(() => {}));
  return page;
}

/**
 * The status of a call to the API, or the code and reason of its error.
 *
 * @param {Page} page
 * @param {Server} server
 * @returns {Promise<unknown>}
 */
function call(page, server) {
  return page.evaluate(
    (url) =>
      window.session.fetch(url).then(
        ({ status }) => status,
        ({ code, reason }) => [code, reason],
      ),
    `${server.api}/notes`,
  );
}

/** Refreshes. @param {Page} page */
function refresh(page) {
  return page.evaluate(() => window.session.refresh({ force: true }));
}

/** How many sessions ended because a copy was seen. @param {Server} server */
async function thefts(server) {
  const { reuse_alarms: alarms = 0 } = await server.counters();
  return alarms;
}

test("line09 three contexts start from one saved state, however late, and nobody's session ends", async (t) => {
  const { server, open } = await save(t, NO_GRACE);

  const pages = [await open(), await open()];
  const first = await Promise.all(pages.map((page) => call(page, server)));
  pages.push(await open());
  const all = await Promise.all(pages.map((page) => call(page, server)));

  assert.deepEqual(first, [200, 200]);
  assert.deepEqual(all, [200, 200, 200]);
  assert.equal(await thefts(server), 0);
});

test("line09 a state whose successor was used is a copy, and ends the session after the grace", async (t) => {
  const { server, open } = await save(t, NO_GRACE);
  const first = await open();
  await load(first, server);
  assert.equal(await call(first, server), 200);

  const second = await open();

  assert.deepEqual(await call(second, server), ["signed_out", "reuse_detected"]);
  assert.equal(await thefts(server), 1);
});

test("line09 within the grace, contexts of one state load and refresh as often as they like", async (t) => {
  const { server, open } = await save(t, LONG_GRACE);

  /** @type {Page[]} */
  const pages = [];
  for (let context = 0; context < CONTEXTS; context += 1) {
    const page = await open();
    await load(page, server);
    for (const other of [...pages, page]) await refresh(other);
    pages.push(page);
  }
  await Promise.all(pages.map(refresh));

  const calls = await Promise.all(pages.map((page) => call(page, server)));
  assert.deepEqual(calls, Array(CONTEXTS).fill(200));
  assert.equal(await thefts(server), 0);
});

test("line09 contexts that sign in each by a request, as the document says, go on side by side", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, NO_GRACE), launchPlaywright(t)]);
  const user = newUser();
  await signIn(evaluating(await load(await browser.newPage(), server)), user, "sign-up");
  const request = await follow("signIn", server);

  const pages = await Promise.all(
    Array.from({ length: CONTEXTS }, async () => {
      const context = await browser.newContext();
      await request(context, user.email, user.password);
      return load(await context.newPage(), server);
    }),
  );
  for (let round = 0; round < 2; round += 1) await Promise.all(pages.map(refresh));

  const calls = await Promise.all(pages.map((page) => call(page, server)));
  assert.deepEqual(calls, Array(CONTEXTS).fill(200));
  assert.equal(await thefts(server), 0);
});

/**
 * A model of `cy.session` and `cy.request`, as Cypress's manual describes them: the first call runs `setup` and keeps the
 * state; later ones restore that state, validate it, and begin again where it is not valid.
 *
 * @param {Context} context
 */
function modelOfCypress(context) {
  /** @type {Map<string, Awaited<ReturnType<Context["storageState"]>>>} */
  const saved = new Map();
  /** The commands of a callback, which run one after the other. @type {object[]} */
  let commands = [];
  const run = async (/** @type {() => void} */ callback) => {
    commands = [];
    callback();
    for (const { url, body, ...options } of /** @type {any[]} */ (commands)) {
      const answer = await context.request.fetch(url, { ...options, data: body });
      if (!answer.ok()) return false;
    }
    return true;
  };
  const create = async (/** @type {string} */ id, /** @type {() => void} */ setup) => {
    await context.clearCookies();
    assert.ok(await run(setup));
    saved.set(id, await context.storageState());
  };
  return {
    request: (/** @type {object} */ options) => commands.push(options),
    session: async (
      /** @type {string} */ id,
      /** @type {() => void} */ setup,
      /** @type {{ validate: () => void }} */ { validate },
    ) => {
      const state = saved.get(id);
      if (state) await context.setStorageState(state);
      if (state && (await run(validate))) return;
      await create(id, setup);
      assert.ok(await run(validate));
    },
  };
}

for (const [grace, env, signIns] of /** @type {const} */ ([
  ["no grace, a sign-in for each test", NO_GRACE, CONTEXTS],
  ["a long grace, one sign-in", LONG_GRACE, 1],
])) {
  test(`line09 tests of one browser that restore one state, as cy.session does, are signed in: ${grace}`, async (t) => {
    const [server, browser] = await Promise.all([startServer(t, env), launchPlaywright(t)]);
    const user = newUser();
    await signIn(evaluating(await load(await browser.newPage(), server)), user, "sign-up");
    const context = await browser.newContext();
    const cypress = modelOfCypress(context);
    const signInOnce = await follow("signInOnce", server);

    /** @type {unknown[]} */
    const calls = [];
    for (let test = 0; test < CONTEXTS; test += 1) {
      /** @type {Promise<void> | undefined} */
      let restored;
      Reflect.set(globalThis, "cy", {
        ...cypress,
        session: (/** @type {Parameters<typeof cypress.session>} */ ...given) => {
          restored = cypress.session(...given);
        },
      });
      signInOnce(user.email, user.password);
      await restored;
      const page = await load(await context.newPage(), server);
      await load(page, server);
      calls.push(await call(page, server));
      await page.close();
    }

    assert.deepEqual(calls, Array(CONTEXTS).fill(200));
    assert.equal((await server.counters()).sign_ins, signIns);
  });
}
