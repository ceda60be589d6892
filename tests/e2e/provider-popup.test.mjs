/** Sign-in through a provider in a pop-up, with a real provider. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser, launchFirefox } from "./harness/browser.mjs";
import { openSession } from "./harness/page.mjs";
import {
  arrives,
  cancelAtProvider,
  clickProvider,
  offerProvider,
  outcome,
  signInAtProvider,
  startWithProvider,
} from "./harness/provider.mjs";
import { serveSite } from "./harness/site.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */

/**
 * Opens a page with a session and the button for a pop-up.
 *
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {import("./harness/server.mjs").Server} server
 * @param {string} [origin] of the page
 */
async function openPage(context, server, origin = server.auth) {
  const page = await context.newPage();
  await page.goto(`${origin}/blank.html`);
  await openSession(page, server);
  await offerProvider(page, { display: "popup" });
  return page;
}

/**
 * Clicks, and waits for the provider's page in the pop-up.
 *
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {Page} page
 * @param {string} issuer
 * @returns {Promise<Page>}
 */
async function openPopup(context, page, issuer) {
  const before = await context.pages();
  await clickProvider(page);
  const popup = await until("the pop-up is open", async () =>
    (await context.pages()).find((one) => !before.includes(one)),
  );
  await arrives(popup, issuer);
  return popup;
}

/** @param {Page} page */
function state(page) {
  return page.evaluate(() => window.session.status.state);
}

for (const engine of [launchBrowser, launchFirefox]) {
  test(`P50 a pop-up signs in the page and its other tabs, and closes: ${engine.name}`, async (t) => {
    const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), engine(t)]);
    const context = await browser.createBrowserContext();
    const other = await openPage(context, server);
    const page = await openPage(context, server);

    const popup = await openPopup(context, page, issuer);
    await signInAtProvider(popup, "alice");

    assert.equal(await outcome(page), "done");
    assert.equal(await state(page), "signed_in");
    await until("the pop-up is closed", async () => (await context.pages()).length < 4);
    await until("the other tab is signed in", async () => (await state(other)) === "signed_in");
    assert.equal(page.url(), `${server.auth}/blank.html`);
  });
}

test("P50 a pop-up of an auth server on another origin signs in", async (t) => {
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const app = await serveSite(t, server.env.SITE_DIR ?? "");
  await server.restart({ ALLOWED_ORIGINS: `${app},${server.auth}` });
  const context = await browser.createBrowserContext();
  const page = await openPage(context, server, app);

  await signInAtProvider(await openPopup(context, page, issuer), "alice");

  assert.equal(await outcome(page), "done");
  assert.equal(await state(page), "signed_in");
});

test("a pop-up in which the user cancels, one that is closed and one that is aborted are told apart", async (t) => {
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const page = await openPage(context, server);

  await cancelAtProvider(await openPopup(context, page, issuer));
  assert.equal(await outcome(page), "provider_denied");

  const closed = await openPopup(context, page, issuer);
  await closed.close();
  await page.bringToFront();
  assert.equal(await outcome(page), "popup_closed");

  const aborted = await page.evaluate(async () => {
    const controller = new AbortController();
    const signedIn = window.session.signIn({ provider: "demo", display: "popup", signal: controller.signal });
    controller.abort();
    return signedIn.catch((error) => error.name);
  });
  assert.equal(aborted, "AbortError");
  await until("the pop-up is closed", async () => (await context.pages()).length === 1);
  assert.equal(await state(page), "signed_out");
});

test("a message of another window or origin is not taken for the pop-up's", async (t) => {
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const page = await openPage(context, server);
  const popup = await openPopup(context, page, issuer);

  await page.evaluate(() =>
    window.postMessage({ type: "nolapse:sign-in", provider: "demo", error: "provider_failed" }, "*"),
  );
  await popup.evaluate(() =>
    window.opener.postMessage({ type: "nolapse:sign-in", provider: "demo", error: "provider_failed" }, "*"),
  );
  assert.equal(await page.evaluate(() => window.outcome), "");
  await signInAtProvider(popup, "alice");

  assert.equal(await outcome(page), "done");
});

test("a blocked pop-up is an error at once", async (t) => {
  const [{ server }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const app = await serveSite(t, server.env.SITE_DIR ?? "");
  await server.restart({ ALLOWED_ORIGINS: `${app},${server.auth}` });
  const page = await browser.newPage();
  await page.goto(`${app}/blank.html`);
  // A frame without `allow-popups`, in which `window.open` returns null.
  await page.evaluate(() => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin");
    frame.src = "/blank.html";
    document.body.append(frame);
  });
  const frame = await page.waitForFrame((one) => one.parentFrame() !== null && one.url().endsWith("/blank.html"));
  await openSession(frame, server);

  const code = await frame.evaluate(() =>
    window.session.signIn({ provider: "demo", display: "popup" }).then(
      () => "done",
      (error) => error.code,
    ),
  );

  assert.equal(code, "popup_blocked");
});

test("P50 a page that is separated from its pop-up learns of the session when the user is back", async (t) => {
  // In Chromium, Puppeteer lets each page believe that it has the focus.
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchFirefox(t)]);
  const headers = { "cross-origin-opener-policy": "same-origin" };
  const app = await serveSite(t, server.env.SITE_DIR ?? "", headers);
  await server.restart({ ALLOWED_ORIGINS: `${app},${server.auth}` });
  const context = await browser.createBrowserContext();
  const page = await openPage(context, server, app);

  const popup = await openPopup(context, page, issuer);
  await signInAtProvider(popup, "alice");
  // Cut off from the page, it shows the page itself.
  await arrives(popup, `${app}/blank.html`);
  assert.equal(await page.evaluate(() => window.outcome), "");
  await popup.close();
  await page.bringToFront();

  assert.equal(await outcome(page), "done");
  assert.equal(await state(page), "signed_in");
});
