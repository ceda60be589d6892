import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { startEcho } from "./harness/echo.mjs";
import { openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/**
 * The claims of a bearer token, unverified.
 *
 * @param {string | undefined} authorization
 * @returns {Record<string, unknown>}
 */
function claimsOf(authorization = "") {
  return JSON.parse(Buffer.from(authorization.split(".")[1] ?? "", "base64url").toString());
}

/**
 * Loads a page again without its Content-Security-Policy, which allows the server's own API alone.
 *
 * @param {import("./harness/page.mjs").TestPage} tab
 */
async function freed(tab) {
  await tab.page.setBypassCSP(true);
  await tab.page.reload();
  return tab;
}

/**
 * A user who is a member of some organisations, signed in on a page of a new browser.
 *
 * @param {import("node:test").TestContext} t
 * @param {readonly string[]} organisations
 * @param {Record<string, string>} [env]
 */
async function openMember(t, organisations, env) {
  const [server, browser] = await Promise.all([startServer(t, env), launchBrowser(t)]);
  const { user, ...opened } = await openSignedIn(browser, server);
  for (const name of organisations) await server.command(["users", "context", user.email, name, "member"]);
  const echo = await startEcho(t);
  return { server, browser, echo, ...(await freed(opened)) };
}

/**
 * Opens a tab whose session has a context.
 *
 * @param {Awaited<ReturnType<typeof openMember>>} member
 * @param {string} context
 */
async function openTab({ browser, server, echo }, context) {
  const tab = await freed(await openPage(browser, server));
  await openSession(tab.page, { api: echo.origin, auth: server.auth }, { context });
  return tab;
}

/** @param {import("./harness/page.mjs").TestPage} tab @param {string} url @param {number} times */
function call({ page }, url, times) {
  return page.evaluate(
    async (address, count) => {
      for (let n = 0; n < count; n++) await window.session.fetch(address);
    },
    url,
    times,
  );
}

test("line10 two tabs of two organisations send their own tokens, for one refresh a life", async (t) => {
  const member = await openMember(t, ["org_1", "org_2"], { TOKEN_LIFE_SECONDS: "6" });
  const { echo, server } = member;
  const one = await openTab(member, "org_1");
  const two = await openTab(member, "org_2");
  const names = /** @type {const} */ ([
    ["org_1", one],
    ["org_2", two],
  ]);
  await Promise.all(names.map(([name, tab]) => call(tab, `${echo.origin}/${name}`, 1)));
  const before = (await server.counters()).refreshes_rotated ?? 0;

  const begun = performance.now();
  for (let n = 0; n < 30; n++) {
    await Promise.all(names.map(([name, tab]) => call(tab, `${echo.origin}/${name}`, 1)));
    const due = begun + n * 500;
    await until("the next call is due", () => performance.now() >= due, { within: 20_000 });
  }

  const lives = (performance.now() - begun) / 4_480;
  const refreshes = ((await server.counters()).refreshes_rotated ?? 0) - before;
  assert.ok(refreshes >= 2 && refreshes <= Math.ceil(lives) + 1, `${refreshes} refreshes in ${lives} lives`);
  assert.equal(echo.received.length, 62);
  for (const { path, authorization } of echo.received) assert.equal(claimsOf(authorization).context, path.slice(1));
});

test("line10 sign-out and user are those of all contexts", async (t) => {
  const member = await openMember(t, ["org_1", "org_2"]);
  const one = await openTab(member, "org_1");
  const two = await openTab(member, "org_2");
  const state = (/** @type {import("./harness/page.mjs").TestPage} */ { page }) =>
    page.evaluate(() => window.session.status.state);
  for (const tab of [one, two]) await until("signed in", async () => (await state(tab)) === "signed_in");
  const users = await Promise.all(
    [one, two].map(({ page }) =>
      page.evaluate(() => (window.session.status.state === "signed_in" ? window.session.status.user : undefined)),
    ),
  );
  assert.deepEqual(users[0], users[1]);

  await one.page.evaluate(() => window.session.signOut());

  await until("the other tab is signed out", async () => (await state(two)) === "signed_out");
  const refused = await two.page.evaluate(() => window.session.getToken().catch((error) => error.code));
  assert.equal(refused, "signed_out");
});

test("line10 a call names its context, and one that the user has not is a typed error without a storm", async (t) => {
  const member = await openMember(t, ["org_1"]);
  const { echo, page, server, network } = member;
  await openSession(page, { auth: server.auth, api: echo.origin });
  const before = network.refreshes().length;

  const seen = await page.evaluate(async (url) => {
    const { session } = window;
    const granted = (await session.fetch(url, { context: "org_1" })).status;
    const codes = [];
    for (let n = 0; n < 20; n++) codes.push(await session.fetch(url, { context: "org_9" }).catch(({ code }) => code));
    const plain = (await session.fetch(url)).status;
    const wrong = await session.fetch(url, { context: "a b" }).catch(({ code, option }) => `${code} ${option}`);
    return { granted, codes: [...new Set(codes)], plain, wrong };
  }, `${echo.origin}/call`);

  assert.deepEqual(seen, {
    granted: 200,
    codes: ["context_refused"],
    plain: 200,
    wrong: "misconfigured context",
  });
  const contexts = echo.received.map(({ authorization }) => claimsOf(authorization).context);
  assert.deepEqual(contexts, ["org_1", undefined]);
  const sent = network.refreshes().slice(before);
  assert.ok(sent.length <= 3, `${sent.length} refreshes`);
  assert.deepEqual(JSON.parse(sent.at(-1)?.body ?? "").contexts, ["org_9", "org_1"]);
});

test("line10 a session without a context sends no byte of it", async (t) => {
  const { page, network, server } = await openMember(t, []);
  await openSession(page, server);
  await page.evaluate(() => window.session.refresh({ force: true }));
  const bodies = network.refreshes().map(({ body }) => Object.keys(JSON.parse(body ?? "")));
  for (const names of bodies) assert.deepEqual(names, ["reason", "page", "active_ago", "version", "dpop"]);
});

test("line10 a reload within a context brings its token with the first refresh", async (t) => {
  const member = await openMember(t, ["org_1"], { TOKEN_LIFE_SECONDS: "4" });
  const { echo, server } = member;
  const first = await openTab(member, "org_1");
  await call(first, `${echo.origin}/first`, 1);
  const expires = Number(claimsOf(echo.received.at(-1)?.authorization).exp) * 1_000;
  await first.page.close();
  await until("the token has expired", () => Date.now() > expires, { within: 10_000 });
  const again = await openTab(member, "org_1");
  await call(again, `${echo.origin}/again`, 1);

  assert.equal(again.network.refreshes().length, 1);
  assert.equal(claimsOf(echo.received.at(-1)?.authorization).context, "org_1");
  assert.equal((await server.counters()).reuse_alarms, undefined);
});
