/** Sign-in through a provider by a redirect, with a real provider. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession, signIn } from "./harness/page.mjs";
import {
  arrives,
  cancelAtProvider,
  clickProvider,
  NAME,
  offerProvider,
  outcome,
  signInAtProvider,
  signOutAtProvider,
  startWithProvider,
} from "./harness/provider.mjs";
import { serveSite } from "./harness/site.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {import("./harness/provider.mjs").Scene} Scene */

/** What a page knows of its session. @param {Page} page */
function look(page) {
  return page.evaluate(() => {
    const { status, signInError } = window.session;
    const { state } = status;
    return {
      state,
      sessionId: state === "signed_in" ? status.sessionId : "",
      code: signInError?.code ?? "",
      url: location.href,
    };
  });
}

/** Waits until a page is signed in; returns its session's id. @param {Page} page */
async function signedIn(page) {
  await until("the page is signed in", async () => (await look(page)).state === "signed_in");
  return (await look(page)).sessionId;
}

/**
 * Opens a page, signs in through the provider and waits for the return, without creating a session there.
 *
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {Scene} scene
 */
async function goThrough(context, { server, issuer }) {
  const { page, network } = await openPage(context, server);
  await openSession(page, server);
  // The storage record says that this browser is signed out.
  await signIn(page, newUser(), "sign-up");
  await page.evaluate(() => window.session.signOut());
  await offerProvider(page, { returnTo: "/blank.html?here=%20+&x#part" });
  await clickProvider(page);
  await arrives(page, issuer);
  await signInAtProvider(page, "alice");
  await arrives(page, `${server.auth}/blank.html`);
  return { page, network };
}

test("P50 a sign-in through a provider survives its return, a reload and the back button", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { server } = scene;
  const { page, network } = await goThrough(context, scene);
  /** @type {string[]} */
  const states = [];
  await page.exposeFunction("tell", (/** @type {string} */ state) => states.push(state));

  await page.evaluate(
    async (address, options) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(address);
      window.session = createSession(options);
      window.session.subscribe(({ state }) => Reflect.get(window, "tell")(state));
      await window.session.ready;
    },
    "/nolapse/index.js",
    { auth: server.auth, allowedOrigins: [server.api] },
  );
  const sessionId = await signedIn(page);

  assert.equal(page.url(), `${server.auth}/blank.html?here=%20+&x#part`);
  assert.ok(!states.includes("signed_out"), `it never looked signed out: ${states}`);
  const me = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/me`);
  assert.equal(me, 200);

  await page.reload();
  await openSession(page, server);
  assert.equal(await signedIn(page), sessionId, "after a reload");

  const sent = network.to("/auth/providers/demo/callback").length;
  await page.goto(`${server.auth}/blank.html?elsewhere`);
  await page.goBack();
  await openSession(page, server);
  assert.equal(await signedIn(page), sessionId, "after the back button");
  assert.equal(network.to("/auth/providers/demo/callback").length, sent, "no callback again");
});

test("P50 a callback that comes a second time opens no session and leads to the page again", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { server, issuer } = scene;
  const { page } = await openPage(context, server);
  let callback = "";
  page.on("request", (request) => {
    if (request.url().includes("/callback?")) callback = request.url();
  });
  await openSession(page, server);
  await offerProvider(page);
  await clickProvider(page);
  await arrives(page, issuer);
  await signInAtProvider(page, "alice");
  await arrives(page, `${server.auth}/blank.html`);
  await openSession(page, server);
  const sessionId = await signedIn(page);

  await page.goto(callback);
  await arrives(page, `${server.auth}/blank.html`);
  await openSession(page, server);

  assert.equal(await signedIn(page), sessionId);
  assert.equal((await look(page)).code, "");
});

test("P50 two tabs that sign in at once both end up in one session, and so does a third that was open", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { server, issuer } = scene;
  const third = await openPage(context, server);
  await openSession(third.page, server);
  const first = await openPage(context, server);
  const second = await openPage(context, server);
  for (const { page } of [first, second]) {
    await openSession(page, server);
    await offerProvider(page);
    await clickProvider(page);
    await arrives(page, issuer);
  }
  for (const { page } of [first, second]) {
    await page.bringToFront();
    await signInAtProvider(page, "alice");
    await arrives(page, `${server.auth}/blank.html`);
    await openSession(page, server);
    await signedIn(page);
  }

  const pages = [first.page, second.page, third.page];
  const ids = async () => new Set(await Promise.all(pages.map(async (page) => (await look(page)).sessionId)));
  await until("all tabs have one session", async () => {
    const found = await ids();
    return found.size === 1 && !found.has("");
  });
});

test("P50 a page that signs in by itself goes to the provider three times, not a fourth time", async (t) => {
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { page, network } = await openPage(context, server);
  /** @type {string[]} */
  const codes = [];
  for (let round = 0; round < 5 && codes.length === 0; round++) {
    await openSession(page, server);
    await offerProvider(page);
    await clickProvider(page);
    const isOver = async () =>
      page.url().startsWith(issuer) || (await page.evaluate(() => window.outcome).catch(() => ""));
    await until("it left, or was refused", isOver);
    if (!page.url().startsWith(issuer)) codes.push(await outcome(page));
    await arrives(page, page.url().startsWith(issuer) ? issuer : server.auth);
    // The provider sends it back without a session.
    await page.goto(`${server.auth}/blank.html`);
  }

  assert.deepEqual(codes, ["redirect_loop"]);
  assert.equal(network.to("/auth/providers/demo/sign-in").length, 3);
});

test("P50 a sign-in that the user cancels is told once, and the URL is clean", async (t) => {
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { page } = await openPage(context, server);
  await openSession(page, server);
  await offerProvider(page, { returnTo: "?q=%20#top" });
  await clickProvider(page);
  await arrives(page, issuer);
  await cancelAtProvider(page);
  await arrives(page, `${server.auth}/blank.html`);

  const heard = await page.evaluate(
    async (address, auth) => {
      /** @type {typeof import("nolapse")} */
      const { createSession, isSessionError } = await import(address);
      window.session = createSession({ auth });
      /** @type {[provider: string, isTyped: boolean][]} */
      const events = [];
      window.session.on("sign_in_failed", ({ provider, error }) => {
        events.push([provider, isSessionError(error, "provider_denied")]);
      });
      await window.session.ready;
      return events;
    },
    "/nolapse/index.js",
    server.auth,
  );

  assert.deepEqual(heard, [[NAME, true]]);
  assert.deepEqual(await look(page), {
    state: "signed_out",
    sessionId: "",
    code: "provider_denied",
    url: `${server.auth}/blank.html?q=%20#top`,
  });
  await page.reload();
  await openSession(page, server);
  assert.equal((await look(page)).code, "");
});

test("a sign-out at the provider ends the session in every tab, and the provider asks for a password again", async (t) => {
  const [scene, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const context = await browser.createBrowserContext();
  const { server, issuer } = scene;
  await server.restart({ OIDC_DEMO_POST_LOGOUT_REDIRECT_URI: `${server.auth}/` });
  const { page } = await goThrough(context, scene);
  await openSession(page, server);
  await signedIn(page);
  const other = await openPage(context, server);
  await openSession(other.page, server);
  await signedIn(other.page);

  await page.bringToFront();
  await page.evaluate(() => void window.session.signOut({ atProvider: true }));
  await arrives(page, `${issuer}/session/end`);
  await signOutAtProvider(page);
  await arrives(page, `${server.auth}/`);

  await until("the other tab is signed out", async () => (await look(other.page)).state === "signed_out");
  await openSession(page, server);
  assert.equal((await look(page)).state, "signed_out");
  await offerProvider(page);
  await clickProvider(page);
  await page.waitForSelector('input[name="login"]');
});

test("a page that must not be returned to is refused before anything is sent", async (t) => {
  const [{ server }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);
  await openSession(page, server);
  const foreign = [
    "https://evil.example/",
    "//evil.example/",
    server.api,
    "javascript:alert(1)",
    "data:,x",
    `${server.auth.replace("//", "//user:word@")}/`,
    "http://",
  ];

  const errors = await page.evaluate(
    (urls) =>
      Promise.all(
        urls.map((returnTo) => window.session.signIn({ provider: "demo", returnTo }).catch((error) => error.name)),
      ),
    foreign,
  );

  assert.deepEqual(
    errors,
    foreign.map(() => "TypeError"),
  );
  assert.equal(network.to("/auth/providers/demo/sign-in").length, 0);
});

test("P50 an auth server on another origin than the page signs in as well", async (t) => {
  const [{ server, issuer }, browser] = await Promise.all([startWithProvider(t), launchBrowser(t)]);
  const app = await serveSite(t, server.env.SITE_DIR ?? "");
  await server.restart({ ALLOWED_ORIGINS: `${app},${server.auth}` });
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.goto(`${app}/blank.html`);
  await openSession(page, server);
  await offerProvider(page);
  await clickProvider(page);
  await arrives(page, issuer);
  await signInAtProvider(page, "alice");
  await arrives(page, `${app}/blank.html`);

  await openSession(page, server);

  await signedIn(page);
  assert.equal(page.url(), `${app}/blank.html`);
});
