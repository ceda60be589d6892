import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { listen } from "./harness/listen.mjs";
import { newUser, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** As Chromium without third-party cookies does: it blocks those that are not partitioned. */
const NO_THIRD_PARTY_COOKIES = "--test-third-party-cookie-phaseout";

test("issue 11 line 6: a page can read that there may be a session, and no more than that", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);

  const signedIn = await page.evaluate(() => document.cookie);
  await page.evaluate(() => window.session.signOut());
  const signedOut = await page.evaluate(() => document.cookie);

  assert.equal(signedIn, "nolapse-hint=1");
  assert.equal(signedOut, "");
});

/**
 * Starts a website for one test: the same document at every path.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} body
 */
async function startSite(t, body) {
  const site = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><html lang="en"><title>test</title>${body}`);
  });
  return new URL(await listen(t, site)).port;
}

/**
 * Signs up in an app that is embedded in a page of another site, and refreshes; both statuses.
 *
 * @param {import("node:test").TestContext} t
 * @param {"strict" | "none"} sameSite
 */
async function embedded(t, sameSite) {
  const app = `http://localhost:${await startSite(t, "")}`;
  const outer = `http://127.0.0.1:${await startSite(t, `<iframe src="${app}/"></iframe>`)}`;
  const env = { ALLOWED_ORIGINS: app, COOKIE_SAME_SITE: sameSite };
  const args = [NO_THIRD_PARTY_COOKIES];
  const [server, browser] = await Promise.all([startServer(t, env), launchBrowser(t, { args })]);
  const page = await browser.newPage();
  await page.goto(outer);
  const inner = await page.waitForFrame((frame) => frame.url().startsWith(app));
  const statuses = await inner.evaluate(
    async (auth, credentials) => {
      const headers = { "content-type": "application/json", "nolapse-version": "1" };
      /** @param {string} path @param {object} body */
      const post = async (path, body) => {
        const request = { method: "POST", credentials: /** @type {const} */ ("include"), headers };
        return (await fetch(`${auth}${path}`, { ...request, body: JSON.stringify(body) })).status;
      };
      const signedUp = await post("/auth/sign-up", credentials);
      return [signedUp, await post("/auth/refresh", { reason: "load", page: "visible" })];
    },
    server.auth,
    newUser(),
  );
  return { statuses, hint: await inner.evaluate(() => document.cookie) };
}

test("issue 11 line 14: an app embedded in another site has a session where its cookies are partitioned", async (t) => {
  assert.deepEqual(await embedded(t, "none"), { statuses: [200, 200], hint: "nolapse-hint=1" });
});

test("issue 11 line 14: an app embedded in another site has none where they are strict", async (t) => {
  assert.deepEqual(await embedded(t, "strict"), { statuses: [200, 401], hint: "" });
});
