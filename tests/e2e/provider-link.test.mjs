/** A provider's user and an account that is there already; and pages that the browser kept while the user was away. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession, signIn } from "./harness/page.mjs";
import {
  arrives,
  clickProvider,
  NAME,
  offerProvider,
  outcome,
  signInAtProvider,
  startWithProvider,
} from "./harness/provider.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */

/** Who is signed in, and the error of the last sign-in through a provider. @param {Page} page */
function look(page) {
  return page.evaluate(() => {
    const { status, signInError } = window.session;
    const user = status.state === "signed_in" ? /** @type {{ email?: string }} */ (status.user) : undefined;
    return { state: status.state, email: user?.email ?? "", code: signInError?.code ?? "" };
  });
}

/**
 * Goes to the provider and back, as a user of the provider who is asked for a name or known there.
 *
 * @param {Page} page
 * @param {import("./harness/provider.mjs").Scene} scene
 * @param {string} user
 * @param {Partial<import("nolapse").ProviderSignIn>} [options]
 */
async function goThrough(page, { server, issuer }, user, options = {}) {
  await offerProvider(page, { returnTo: "?back", ...options });
  await clickProvider(page);
  await arrives(page, issuer);
  await signInAtProvider(page, user);
  await arrives(page, `${server.auth}/blank.html?back`);
  await openSession(page, server);
  await until("it is known who is signed in", async () => (await look(page)).state !== "unknown");
}

/** Notes in the title how the page comes back. @param {Page} page */
function watchReturn(page) {
  return page.evaluate(() => {
    addEventListener("pageshow", ({ persisted }) => {
      document.title = persisted ? "persisted" : "loaded";
    });
  });
}

test("an address does not open the account that has it, until the provider's user is linked there", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const { server } = scene;
  const owner = { ...newUser(), email: "alice@example.org" };
  const own = await openPage(await browser.createBrowserContext(), server);
  await openSession(own.page, server);
  await signIn(own.page, owner, "sign-up");

  const stranger = await openPage(await browser.createBrowserContext(), server);
  await openSession(stranger.page, server);
  await goThrough(stranger.page, scene, "alice");
  assert.deepEqual(await look(stranger.page), { state: "signed_out", email: "", code: "account_exists" });

  await goThrough(own.page, scene, "alice", { link: true });
  assert.deepEqual(await look(own.page), { state: "signed_in", email: owner.email, code: "" });

  const anywhere = await openPage(await browser.createBrowserContext(), server);
  await openSession(anywhere.page, server);
  await goThrough(anywhere.page, scene, "alice");
  assert.deepEqual(await look(anywhere.page), { state: "signed_in", email: owner.email, code: "" });

  // The identity is that account's, and no other's.
  const other = await openPage(await browser.createBrowserContext(), server);
  await openSession(other.page, server);
  const user = newUser();
  await signIn(other.page, user, "sign-up");
  await goThrough(other.page, scene, "alice", { link: true });
  assert.deepEqual(await look(other.page), { state: "signed_in", email: user.email, code: "account_exists" });
});

test("a visitor who wants to link is told that nobody is signed in", async (t) => {
  const [{ server }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);
  await openSession(page, server);
  await offerProvider(page, { link: true });

  await clickProvider(page);

  await until("the page was left", () => network.to(`/auth/providers/${NAME}/sign-in`).length > 0);
  await arrives(page, `${server.auth}/blank.html`);
  await openSession(page, server);
  assert.deepEqual(await look(page), { state: "signed_out", email: "", code: "provider_refused" });
});

test("P50 a page that comes back out of the cache after a sign-in has its session, and calls nothing back", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const { server } = scene;
  const { page, network } = await openPage(browser, server);
  await openSession(page, server);
  await goThrough(page, scene, "bob");
  await until("the page is signed in", async () => (await look(page)).state === "signed_in");
  await watchReturn(page);
  const callbacks = network.to(`/auth/providers/${NAME}/callback`).length;

  await page.goto(`${server.auth}/blank.html?elsewhere`);
  await page.goBack();

  assert.equal(await page.title(), "persisted");
  assert.equal((await look(page)).state, "signed_in");
  const me = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/me`);
  assert.equal(me, 200);
  assert.equal(network.to(`/auth/providers/${NAME}/callback`).length, callbacks);
});

test("P50 a page that comes back out of the cache before a sign-in says so, and signs in the next time", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const { server, issuer } = scene;
  const { page } = await openPage(browser, server);
  await openSession(page, server);
  await watchReturn(page);
  await offerProvider(page);
  await clickProvider(page);
  await arrives(page, issuer);

  await page.goBack();

  assert.equal(await page.title(), "persisted");
  assert.equal(await outcome(page), DOMException.ABORT_ERR);
  await goThrough(page, scene, "carol");
  assert.equal((await look(page)).state, "signed_in");
});
