/** Sign-in by a redirect through a provider that shares no code with the one of the other tests: Canaille. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CLIENT_SECRET, PASSWORDS, SCOPES, startCanaille } from "../providers/canaille.mjs";
import { CLIENT_ID } from "../providers/provider.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { openPage, openSession } from "./harness/page.mjs";
import { freePort } from "./harness/ports.mjs";
import { arrives, clickProvider, NAME, offerProvider } from "./harness/provider.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

test("P50 a sign-in through Canaille's pages is of all tabs, and asks for no password the next time", async (t) => {
  const port = await freePort();
  const [issuer, browser] = await Promise.all([
    startCanaille(t, { authServer: `http://localhost:${port}`, name: NAME }),
    launchBrowser(t),
  ]);
  const server = await startServer(t, {
    PORT: `${port}`,
    OIDC_PROVIDERS: NAME,
    OIDC_DEMO_ISSUER: issuer,
    OIDC_DEMO_CLIENT_ID: CLIENT_ID,
    OIDC_DEMO_CLIENT_SECRET: CLIENT_SECRET,
    OIDC_DEMO_SCOPES: SCOPES,
  });
  const context = await browser.createBrowserContext();
  const other = await openPage(context, server);
  await openSession(other.page, server);
  const { page } = await openPage(context, server);
  await openSession(page, server);
  await offerProvider(page, { returnTo: "?from=canaille" });

  await clickProvider(page);
  await arrives(page, issuer);
  await page.locator('input[name="login"]').fill("ada");
  await page.locator('button[type="submit"]').click();
  await page.locator('input[name="password"]').fill(PASSWORDS.ada ?? "");
  await page.locator('button[type="submit"]').click();
  await page.locator('button[name="answer"][value="accept"]').click();
  await arrives(page, `${server.auth}/blank.html?from=canaille`);
  await openSession(page, server);

  const state = (/** @type {import("puppeteer-core").Page} */ one) => one.evaluate(() => window.session.status.state);
  await until("the page is signed in", async () => (await state(page)) === "signed_in");
  await until("the other tab is signed in", async () => (await state(other.page)) === "signed_in");
  const me = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/me`);
  assert.equal(me, 200);

  await page.evaluate(() => window.session.signOut());
  await offerProvider(page, { returnTo: "?again" });
  await clickProvider(page);
  await arrives(page, `${server.auth}/blank.html?again`);
  await openSession(page, server);
  await until("the page is signed in again", async () => (await state(page)) === "signed_in");
});
