/** The demo page's passkeys, and its step-up before the account is deleted. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { SITE } from "../tools/demo-parts.mjs";
import { addAuthenticator } from "./harness/authenticator.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { openDemo, press, shows, text } from "./harness/demo.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

test("a visitor adds a passkey on the demo page, signs in with it, and shows it to delete the account", async (t) => {
  const settings = { SITE_DIR: SITE, RECENT_SIGN_IN_SECONDS: "6" };
  const [server, browser] = await Promise.all([startServer(t, settings), launchBrowser(t)]);
  const { page } = await openDemo(await browser.createBrowserContext(), server);
  page.on("dialog", (dialog) => dialog.accept());
  await addAuthenticator(page);

  await press(page, "control-passkey");
  await until("it is added", async () => (await text(page, "result-passkey")).startsWith("Added."));
  await press(page, "control-sign-out");
  await shows(page, "state", "signed_out");
  await press(page, "auth-passkey");
  await shows(page, "state", "signed_in");
  const signedIn = Date.now();
  await until("the sign-in is too old", () => Date.now() - signedIn > 7_100);
  await press(page, "control-delete");
  await until("the page asks", () => page.$eval('[data-testid="step-up"]', (dialog) => dialog.hasAttribute("open")));
  const picture = process.env.NOLAPSE_PICTURE;
  if (picture) await page.screenshot({ path: /** @type {`${string}.png`} */ (picture) });
  await press(page, "step-up-with-passkey");

  await shows(page, "state", "signed_out");
  assert.equal(await page.$eval('[data-testid="step-up"]', (dialog) => dialog.hasAttribute("open")), false);
});
