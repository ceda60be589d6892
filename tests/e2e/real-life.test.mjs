import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/**
 * A signed-in page of a new browser.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} [env]
 */
async function openNew(t, env) {
  const [server, browser] = await Promise.all([startServer(t, env), launchBrowser(t)]);
  return { server, browser, ...(await openSignedIn(browser, server)) };
}

test("line01 a refresh declares the activity of another tab", async (t) => {
  const { server, browser, page } = await openNew(t);
  const other = await openPage(browser, server);
  await openSession(other.page, server);
  // Longer than the two clicks of a second count as one.
  await until("the other tab has been idle", () => page.evaluate(() => performance.now() > 8_000), { within: 20_000 });
  await page.bringToFront();
  await page.mouse.click(5, 5);
  const clicked = performance.now();

  await other.page.evaluate(() => window.session.refresh({ force: true }));

  const [refresh] = other.network.refreshes().slice(-1);
  const most = Math.ceil((performance.now() - clicked) / 1_000) + 5;
  const { active_ago: ago } = JSON.parse(refresh?.body ?? "");
  assert.ok(ago <= most, `${ago} s of ${most}`);
});

test("line03 two functions of one origin need a name each, and do not meet", async (t) => {
  const { page } = await openNew(t);
  const seen = await page.evaluate(async () => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const make = (/** @type {string} */ name) =>
      createSession({
        auth: {
          refresh: async () => ({ access_token: name, expires_in: 60, session: { id: name, user: { id: name } } }),
        },
        storageKey: name,
      });
    const [a, b] = [make("app-a"), make("app-b")];
    await a.refresh();
    await b.refresh();
    return [await a.getToken(), await b.getToken()];
  });
  assert.deepEqual(seen, ["app-a", "app-b"]);
});

test("line04 a visitor's call is sent without a token where the app allows it", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);
  await openSession(page, server, { authorization: "optional" });

  const seen = await page.evaluate(async (url) => {
    const { session } = window;
    const open = (await session.fetch(url)).status;
    const rejected = await session.fetch(url, { authorization: "required" }).catch((error) => error.code);
    const wrong = await session
      .fetch(url, { authorization: /** @type {never} */ ("no") })
      .catch((error) => error.option);
    return { open, rejected, wrong };
  }, `${server.api}/notes`);

  assert.deepEqual(seen, { open: 401, rejected: "signed_out", wrong: "authorization" });
  const sent = network.to("/notes").filter(({ method }) => method === "GET");
  assert.equal(sent.length, 1);
  assert.deepEqual(network.refreshes(), []);
});

test("line04 in an outage a call of best effort goes without, at the first failure", async (t) => {
  const { server, page } = await openNew(t);
  await server.stop();
  await page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 70_000;
  });
  const seen = await page.evaluate(async (auth) => {
    const begun = performance.now();
    // The server is down: what the call itself then meets is the network's error and not the session's.
    const error = await window.session.fetch(auth, { authorization: "best_effort" }).catch((thrown) => thrown.name);
    return { error, took: performance.now() - begun };
  }, `${server.auth}/blank.html`);

  assert.equal(seen.error, "TypeError");
  assert.ok(seen.took < 5_000, `${seen.took} ms`);
});

test("line06 with storage cleared and the cookie alive, one refresh signs in; a visitor costs none", async (t) => {
  const { server, browser, page } = await openNew(t);
  await page.evaluate(() => {
    window.session.close();
    localStorage.clear();
  });
  await page.close();
  const back = await openPage(browser, server);
  await back.page.evaluate(() => localStorage.clear());
  await openSession(back.page, server);

  await until("signed in", () => back.page.evaluate(() => window.session.status.state === "signed_in"));

  assert.equal(back.network.refreshes().length, 1);
  const stranger = await openPage(await browser.createBrowserContext(), server);
  await openSession(stranger.page, server);
  const seen = await stranger.page.evaluate(async () => {
    const before = window.session.status;
    const error = await window.session.refresh().catch(({ code, reason }) => [code, reason]);
    return { before, error, after: window.session.status };
  });
  const visitor = { state: "signed_out", reason: null, serverNotified: true, failure: null };
  assert.deepEqual(seen, { before: visitor, error: ["signed_out", null], after: visitor });
  assert.equal(stranger.network.refreshes().length, 1);
});

test("line07 a start without a network says who was signed in last, until the sign-out", async (t) => {
  const { server, browser, page } = await openNew(t);
  const id = await page.evaluate(() => {
    const { status } = window.session;
    return status.state === "signed_in" ? status.user.id : undefined;
  });
  await page.close();
  const { page: later } = await openPage(browser, server);
  await later.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 70_000;
  });
  await later.setRequestInterception(true);
  let isOffline = true;
  later.on("request", (request) => {
    void (isOffline && request.url().includes("/auth/") ? request.abort("internetdisconnected") : request.continue());
  });
  await openSession(later, server);

  const status = await later.evaluate(() => window.session.status);
  isOffline = false;
  await later.evaluate(() => window.dispatchEvent(new Event("online")));
  await until("signed in", () => later.evaluate(() => window.session.status.state === "signed_in"));
  await later.evaluate(() => window.session.signOut());
  const left = await later.evaluate(() => JSON.stringify({ ...localStorage }));

  assert.equal(status.state, "unknown");
  assert.deepEqual("lastUser" in status && status.lastUser, { id });
  assert.ok(!left.includes(String(id)), left);
});

test("line08 a background call is no activity, and reading is", async (t) => {
  const { server, page, network } = await openNew(t);
  const declared = async () => {
    await page.evaluate(() => window.session.refresh({ force: true }));
    const [refresh] = network.refreshes().slice(-1);
    return JSON.parse(refresh?.body ?? "").active_ago;
  };
  await until(
    "idle for 3 s",
    async () => {
      await page.evaluate((url) => window.session.fetch(url, { background: true }), `${server.api}/notes`);
      return page.evaluate(() => performance.now() > 6_000);
    },
    { within: 20_000 },
  );
  assert.ok((await declared()) >= 2);

  await page.evaluate(() => document.dispatchEvent(new Event("scroll")));

  assert.ok((await declared()) <= 1);
});
