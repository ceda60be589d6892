/** Two accounts in one browser, by the recipe: a path of the auth server and a cookie each. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { readDocument } from "../docs/documents.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** @typedef {{ name: string, session: import("nolapse").Session<{ id: string, email: string }> }[]} Accounts */

const { snippets } = await readDocument("docs/recipes.md");

/** Serves the recipe as `/accounts.js`, with the origins of this server. @param {import("./harness/server.mjs").Server} server */
async function publishRecipe(server) {
  const recipe = snippets.find(({ text }) => text.includes("export const accounts"))?.text ?? "";
  const script = recipe
    .replace('"nolapse"', '"/nolapse/index.js"')
    .replace("https://auth.example.com", server.auth)
    .replace("https://api.example.com", server.api);
  await writeFile(join(server.env.SITE_DIR ?? "", "accounts.js"), script);
}

/**
 * On the page: the e-mail addresses of the accounts by their API calls and statuses; `null` where nobody is signed in.
 *
 * @param {string} api
 */
async function look(api) {
  const address = "/accounts.js";
  /** @type {{ accounts: Accounts }} */
  const { accounts } = await import(address);
  return Promise.all(
    accounts.map(async ({ session }) => {
      const user = await session.fetch(`${api}/me`).then(
        async (response) => (await response.json()).id,
        () => null,
      );
      const { status } = session;
      return status.state === "signed_in" && status.user.id === user ? status.user.email : null;
    }),
  );
}

test("issue11 two accounts of one browser are signed in at once, and one signs out alone", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { ACCOUNT_PATHS: "work,private" }), launchBrowser(t)]);
  await publishRecipe(server);
  const { page, network } = await openPage(browser, server);
  const [work, home] = [newUser(), newUser()];
  await page.evaluate(
    async (users) => {
      const address = "/accounts.js";
      /** @type {{ accounts: Accounts }} */
      const { accounts } = await import(address);
      for (const [place, { session }] of accounts.entries())
        await session.signUp({ ...(users[place] ?? { email: "", password: "" }) });
    },
    [work, home],
  );
  assert.deepEqual(await page.evaluate(look, server.api), [work.email, home.email]);

  await page.reload();
  assert.deepEqual(await page.evaluate(look, server.api), [work.email, home.email], "by their cookies");
  await page.evaluate(async () => {
    const address = "/accounts.js";
    /** @type {{ accounts: Accounts }} */
    const { accounts } = await import(address);
    await accounts[0]?.session.signOut();
  });
  assert.deepEqual(await page.evaluate(look, server.api), [null, home.email]);

  // The hint, the one sign left that there is a session, is still there for the other account.
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  assert.deepEqual(await page.evaluate(look, server.api), [null, home.email]);
  const refreshes = () => network.to("/work/auth/refresh").length;
  const before = refreshes();
  await page.reload();
  assert.deepEqual(await page.evaluate(look, server.api), [null, home.email]);
  assert.equal(refreshes(), before, "the first account is known to be signed out");
});
