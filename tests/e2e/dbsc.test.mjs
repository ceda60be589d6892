/** Sessions that Chromium registers a key for (W3C, Device Bound Session Credentials), with keys in software, over TLS. */

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { test } from "node:test";

import { listenAsProvider } from "../tools/provider.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { makeIdentity, startFront } from "./harness/front.mjs";
import { newUser, openSession, signIn } from "./harness/page.mjs";
import { arrives, clickProvider, NAME, offerProvider, signInAtProvider } from "./harness/provider.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {import("puppeteer-core").CDPSession} Devtools */
/** @typedef {import("devtools-protocol").Protocol.Network.CookieParam} CookieParam */

const FEATURES = "DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting";
const BOUND = "__Host-nolapse-bound";
const REGISTRATION = "/auth/dbsc/registration";
const PROOF = "/auth/dbsc/refresh";

/** The cookie alone: no proof of the SDK's own. */
const UNPROVEN = { deviceBinding: false };

/** How often a thief tries. */
const TRIES = 1_000;

/**
 * A server behind TLS, at an origin of its own beside that of the pages, and a browser that takes its certificate for valid.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} [env]
 */
async function openScene(t, env = {}) {
  const identity = await makeIdentity();
  const [auth, pages, api] = await Promise.all([0, 1, 2].map(() => startFront(t, identity)));
  assert.ok(auth && pages && api);
  const server = await startServer(t, {
    DBSC: "1",
    REFRESHES_PER_MINUTE: "0",
    ISSUER: auth.origin,
    AUDIENCE: api.origin,
    ALLOWED_ORIGINS: `${auth.origin},${pages.origin}`,
    ...env,
  });
  auth.forwardTo(server.auth);
  pages.forwardTo(server.auth);
  // Its own page may call its own origin alone.
  pages.dropsPolicy = true;
  api.forwardTo(server.api);
  const key = new X509Certificate(identity.cert).publicKey.export({ type: "spki", format: "der" });
  const certificate = createHash("sha256").update(key).digest("base64");
  const browser = await launchBrowser(t, { certificate, args: [`--enable-features=${FEATURES}`] });
  return { server, browser, auth, pages, addresses: { auth: auth.origin, api: api.origin } };
}

/** @typedef {Awaited<ReturnType<typeof openScene>>} Scene */

/**
 * Opens a page of an origin, with the events of its device bound sessions.
 *
 * @param {import("puppeteer-core").Browser | import("puppeteer-core").BrowserContext} where
 * @param {Scene} scene
 * @param {string} origin
 * @param {Parameters<typeof openSession>[2]} [options]
 */
async function openTab(where, scene, origin, options) {
  const page = await where.newPage();
  const devtools = await page.createCDPSession();
  await devtools.send("Network.enable");
  await devtools.send("Network.enableDeviceBoundSessions", { enable: true });
  /** @type {string[]} */
  const events = [];
  devtools.on("Network.deviceBoundSessionEventOccurred", (event) => {
    const { creationEventDetails, refreshEventDetails, terminationEventDetails } = event;
    if (creationEventDetails) events.push(`created ${creationEventDetails.fetchResult}`);
    if (refreshEventDetails) events.push(`refreshed ${refreshEventDetails.refreshResult}`);
    if (terminationEventDetails) events.push(`ended ${terminationEventDetails.deletionReason}`);
  });
  await page.goto(`${origin}/blank.html`);
  await openSession(page, scene.addresses, options);
  return { page, devtools, events };
}

/** @param {Devtools} devtools @param {string} origin */
async function cookiesOf(devtools, origin) {
  const { cookies } = await devtools.send("Network.getCookies", { urls: [`${origin}/`] });
  return cookies;
}

/** @param {Devtools} devtools @param {string} origin */
async function hasBoundCookie(devtools, origin) {
  return (await cookiesOf(devtools, origin)).some(({ name }) => name === BOUND);
}

/** Refreshes; how it went, and the status after it. @param {Page} page */
function refresh(page) {
  return page.evaluate(async () => {
    const outcome = await window.session.refresh({ force: true }).then(
      () => "refreshed",
      ({ code, reason }) => reason ?? code,
    );
    return [outcome, window.session.status.state];
  });
}

/** Signs a new user up, waits for the registration, and refreshes, which proves the key. @param {Scene} scene @param {Awaited<ReturnType<typeof openTab>>} tab */
async function bind({ auth }, { page, devtools, events }) {
  const user = newUser();
  await signIn(page, user, "sign-up");
  await until("the key is registered", () => events.includes("created Success"));
  assert.equal(await hasBoundCookie(devtools, auth.origin), false);
  assert.deepEqual(await refresh(page), ["refreshed", "signed_in"]);
  return user;
}

for (const where of /** @type {const} */ (["auth", "pages"])) {
  test(`P54 a browser registers a key by itself, and a refresh of a page at ${where} has the bound cookie`, async (t) => {
    const scene = await openScene(t);
    const tab = await openTab(scene.browser, scene, scene[where].origin);
    await bind(scene, tab);

    assert.deepEqual(await refresh(tab.page), ["refreshed", "signed_in"]);
    assert.deepEqual(tab.events, ["created Success", "refreshed Refreshed"]);
    const refreshes = scene.auth.refreshes();
    assert.deepEqual(
      refreshes.map(({ cookie, status }) => [cookie?.includes(BOUND), status]),
      refreshes.map(() => [true, 200]),
    );
    // The challenge, its proof, and none for the second refresh.
    assert.deepEqual(
      scene.auth.to(PROOF).map(({ status }) => status),
      [403, 200],
    );
    const [registration] = scene.auth.to(REGISTRATION);
    assert.equal(registration?.headers["sec-fetch-mode"], "no-cors");
    await tab.page.evaluate(() => window.session.signOut());
    await until("the session has ended", async () => (await scene.server.counters()).sign_outs);
    assert.equal(await hasBoundCookie(tab.devtools, scene.auth.origin), false);
  });
}

test("P53 a copied cookie jar gets nothing once its bound cookie has expired, and the owner goes on", async (t) => {
  const scene = await openScene(t, { DBSC_COOKIE_SECONDS: "3" });
  const { auth } = scene;
  const owner = await openTab(scene.browser, scene, auth.origin, UNPROVEN);
  await bind(scene, owner);
  const copied = (await cookiesOf(owner.devtools, auth.origin)).filter(({ name }) =>
    /^__Host-(Http-nolapse$|nolapse-bound)/.test(name),
  );
  assert.equal(copied.length, 2);
  const thief = await openTab(await scene.browser.createBrowserContext(), scene, auth.origin, UNPROVEN);
  const steal = async () => {
    for (const { name, value } of copied) {
      // Without an end, so that it is the server that judges.
      const attributes = { path: "/", secure: true, httpOnly: true, sameSite: /** @type {const} */ ("Strict") };
      await thief.devtools.send("Network.setCookie", { name, value, url: `${auth.origin}/`, ...attributes });
    }
  };
  await steal();
  // A request that rotates nothing.
  const lists = () =>
    thief.page.evaluate(
      (url) => fetch(url, { headers: { "nolapse-version": "1" } }).then(({ status }) => status),
      `${auth.origin}/auth/sessions`,
    );
  assert.equal(await lists(), 200);
  await until("the bound cookie has expired", async () => (await lists()) === 503);

  const tried = await thief.page.evaluate(
    async (url, tries) => {
      let granted = 0;
      const codes = new Set();
      for (let round = 0; round < tries; round++) {
        const headers = new Headers(round % 2 ? [["secure-session-skipped", "quota_exceeded"]] : []);
        const body = JSON.stringify({ version: "2", reason: "load", page: "visible" });
        const answer = await fetch(url, { method: "POST", body, headers }).then((it) => it.json());
        granted += Number("access_token" in answer);
        codes.add(answer.error);
      }
      return [granted, ...[...codes].sort()];
    },
    `${auth.origin}/auth/refresh`,
    TRIES,
  );
  assert.deepEqual(tried, [0, "session_ended", "unavailable"]);
  assert.deepEqual(thief.events, []);

  await until("the owner's has expired too", async () => !(await hasBoundCookie(owner.devtools, auth.origin)));
  assert.deepEqual(await refresh(owner.page), ["refreshed", "signed_in"]);
  // The SDK of the thief's browser ends there, and changes nothing for the owner.
  await steal();
  await thief.devtools.send("Network.deleteCookies", { name: BOUND, url: `${auth.origin}/` });
  assert.deepEqual(
    await thief.page.evaluate(async () => {
      await window.session.refresh().catch(() => {});
      return window.session.status.state;
    }),
    "signed_out",
  );
  assert.deepEqual(await refresh(owner.page), ["refreshed", "signed_in"]);
  assert.equal((await scene.server.counters()).reuse_alarms, undefined);
});

test("P53 an owner whose browser cannot refresh the bound cookie is not signed out, and goes on afterwards", async (t) => {
  const scene = await openScene(t, { DBSC_COOKIE_SECONDS: "1" });
  const { auth } = scene;
  const owner = await openTab(scene.browser, scene, auth.origin);
  await bind(scene, owner);
  const isGone = async () => !(await hasBoundCookie(owner.devtools, auth.origin));
  await until("the bound cookie has expired", isGone);

  auth.fails = ({ path }) => (path === PROOF ? 500 : undefined);
  const [outcome, state] = await refresh(owner.page);
  assert.notEqual(outcome, "refreshed");
  assert.equal(state, "signed_in");
  const skipped = auth.refreshes().at(-1);
  assert.match(String(skipped?.headers["secure-session-skipped"]), /^server_error/);
  assert.equal(skipped?.status, 503);
  auth.fails = () => undefined;
  await until("it goes on", async () => (await refresh(owner.page))[0] === "refreshed", {
    within: 60_000,
    every: 1_000,
  });
  assert.equal(
    owner.events.some((event) => event.startsWith("ended")),
    false,
  );

  // Until the browser makes no more signatures for a while.
  await until(
    "the quota is exceeded",
    async () => {
      await until("the bound cookie has expired", isGone);
      return (await refresh(owner.page))[0] !== "refreshed";
    },
    { within: 60_000 },
  );
  assert.match(String(auth.refreshes().at(-1)?.headers["secure-session-skipped"]), /^quota_exceeded/);
  assert.equal(await owner.page.evaluate(() => window.session.status.state), "signed_in");
});

test("P53 the next sign-in of a browser has a key of its own, which the session before does not hinder", async (t) => {
  const scene = await openScene(t);
  const tab = await openTab(scene.browser, scene, scene.auth.origin);
  const user = await bind(scene, tab);
  await tab.page.evaluate(() => window.session.signOut());
  await until("the session has ended", async () => (await scene.server.counters()).sign_outs);
  await signIn(tab.page, user);
  await until(
    "the second key is registered",
    () => tab.events.filter((event) => event === "created Success").length === 2,
  );

  assert.deepEqual(await refresh(tab.page), ["refreshed", "signed_in"]);
  assert.deepEqual(await refresh(tab.page), ["refreshed", "signed_in"]);
  assert.equal(await hasBoundCookie(tab.devtools, scene.auth.origin), true);
  assert.equal((await scene.server.counters()).keys_proved, 2);
});

test("P54 a session that a provider on another site opens is bound to a key", async (t) => {
  const provider = await listenAsProvider(NAME);
  t.after(() => provider.close());
  const scene = await openScene(t, provider.settings);
  await provider.serve(scene.auth.origin);
  const tab = await openTab(scene.browser, scene, scene.auth.origin);
  await offerProvider(tab.page, { returnTo: "/blank.html" });
  await clickProvider(tab.page);
  await arrives(tab.page, provider.issuer);
  await signInAtProvider(tab.page, "alice");
  await arrives(tab.page, `${scene.auth.origin}/blank.html`);
  await openSession(tab.page, scene.addresses);

  await until("the key is registered", async () => (await scene.server.counters()).keys_registered);
  const [registration] = scene.auth.to(REGISTRATION);
  assert.deepEqual([registration?.status, registration?.cookie], [200, undefined]);
  await until("the key is proved", async () => {
    await refresh(tab.page);
    return (await scene.server.counters()).keys_proved;
  });
  assert.deepEqual(await refresh(tab.page), ["refreshed", "signed_in"]);
  assert.equal(await hasBoundCookie(tab.devtools, scene.auth.origin), true);
});
