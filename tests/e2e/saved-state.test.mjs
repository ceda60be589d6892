import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** How many contexts sign in side by side, each as a worker of a test runner does. */
const WORKERS = 3;

test("a user who signs in once per context, by a request alone, is signed in in each of them", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const user = newUser();
  const first = await openPage(browser, server);
  assert.equal(await post(first.page, "/auth/sign-up", user), 200);

  const pages = await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      const context = await browser.createBrowserContext();
      const { page } = await openPage(context, server);
      assert.equal(await post(page, "/auth/sign-in", user), 200);
      await openSession(page, server);
      return page;
    }),
  );

  // Each refreshes twice, beside the others: no cookie is anybody else's.
  for (let round = 0; round < 2; round += 1) {
    await Promise.all(pages.map((page) => page.evaluate(() => window.session.refresh({ force: true }))));
  }
  const states = await Promise.all(pages.map((page) => page.evaluate(() => window.session.status.state)));
  assert.deepEqual(states, Array(WORKERS).fill("signed_in"));
});

/**
 * Sends credentials as a test runner's request does, with the cookies of the page's context and without the package.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} path
 * @param {import("./harness/page.mjs").Credentials} user
 */
function post(page, path, user) {
  return page.evaluate(
    async (path, body) => {
      const headers = { "content-type": "application/json", "nolapse-version": "1" };
      const { status } = await fetch(path, { method: "POST", headers, body });
      return status;
    },
    path,
    JSON.stringify(user),
  );
}
