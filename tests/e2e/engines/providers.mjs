/**
 * Sign-in through a real provider: what a page is told on its return depends on each engine's history, cache and windows.
 *
 * The pages of pop-ups have no Cross-Origin-Opener-Policy here: WebKit separates a page with any from its pop-up, also with
 * `same-origin-allow-popups`, if that was opened empty. `provider-popup.test.mjs` has the policy of the server, in Chromium and Firefox.
 */

import assert from "node:assert/strict";

import { listenAsProvider } from "../../tools/provider.mjs";
import { openSession } from "../harness/page.mjs";
import { NAME, offerProvider, outcome } from "../harness/provider.mjs";
import { until } from "../harness/until.mjs";
import { callAtOnce, openScene, openTab } from "./scene.mjs";

/** @typedef {import("./scene.mjs").Tab} Tab */
/** @typedef {import("./scene.mjs").Scene & { issuer: string }} ProviderScene */

/** Where the auth server is told of the provider's response. */
const CALLBACK = `/auth/providers/${NAME}/callback`;

/** The field for a user's name on the provider's page. */
const LOGIN = 'input[name="login"]';

/** The button of the provider's page without fields, which a user sees once: the consent. */
const CONSENT = `form:not(:has(${LOGIN})) button[type="submit"]`;

/** @type {Record<string, import("./core.mjs").Body>} */
export const PROVIDERS = {
  "P50 a sign-in through a provider survives its return, a reload and the back button": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openProviderScene(t), openProfile()]);
    const tab = await openTab(profile, scene);
    await leaveFor(tab, scene, { returnTo: "/blank.html?here=%20+&x#part" });
    await signInThere(tab, scene, "alice");
    await openSession(tab, scene);

    const sessionId = await signedIn(tab);

    assert.equal(await tab.url(), `${scene.auth}/blank.html?here=%20+&x#part`);
    assert.deepEqual(await callAtOnce(tab, scene, 1), [200]);
    await tab.reload();
    await openSession(tab, scene);
    assert.equal(await signedIn(tab), sessionId, "after a reload");
    const { auth } = scene.fronts;
    await tab.goto(`${scene.auth}/blank.html?elsewhere`);
    await tab.back();
    await arrives(tab, `${scene.auth}/blank.html?here`);
    await openSession(tab, scene);
    assert.equal(await signedIn(tab), sessionId, "after the back button");
    assert.equal(auth.to(CALLBACK).length, 1, "no callback again");
  },

  "P50 a callback that comes a second time opens no session and leads to the page again": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openProviderScene(t), openProfile()]);
    const tab = await openTab(profile, scene);
    await leaveFor(tab, scene);
    await signInThere(tab, scene, "alice");
    await openSession(tab, scene);
    const sessionId = await signedIn(tab);
    const { auth } = scene.fronts;

    await tab.goto(auth.to(CALLBACK)[0]?.url ?? "");
    await arrives(tab, `${scene.auth}/blank.html`);
    await openSession(tab, scene);

    assert.equal(await signedIn(tab), sessionId);
    assert.equal((await look(tab)).code, "");
    assert.equal(auth.to(CALLBACK).length, 2);
  },

  "P50 a sign-in that the user cancels is told once, and the URL is clean": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openProviderScene(t), openProfile()]);
    const tab = await openTab(profile, scene);
    await leaveFor(tab, scene, { returnTo: "?q=%20#top" });
    await tab.click('a[href$="/abort"]');
    await arrives(tab, `${scene.auth}/blank.html`);

    await openSession(tab, scene);

    const url = `${scene.auth}/blank.html?q=%20#top`;
    assert.deepEqual(await look(tab), { state: "signed_out", sessionId: "", code: "provider_denied", url });
    await tab.reload();
    await openSession(tab, scene);
    assert.deepEqual(await look(tab), { state: "signed_out", sessionId: "", code: "", url });
  },

  "P50 the back button at the provider shows the page again, and the next sign-in succeeds": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openProviderScene(t), openProfile()]);
    if (!profile.findsCached) return t.skip("the driver loses a page that comes out of the cache of another site");
    const tab = await openTab(profile, scene);
    await leaveFor(tab, scene);

    await tab.back();
    await arrives(tab, `${scene.auth}/blank.html`);

    const isCached = await tab.evaluate(() => window.session !== undefined);
    t.diagnostic(isCached ? "out of the cache" : "loaded again");
    if (isCached) assert.equal(await outcome(tab), DOMException.ABORT_ERR);
    else await openSession(tab, scene);
    assert.equal((await look(tab)).state, "signed_out");
    await leaveFor(tab, scene);
    await signInThere(tab, scene, "alice");
    await openSession(tab, scene);
    await signedIn(tab);
  },

  "P50 a pop-up signs in the page and its other tabs, and closes": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openProviderScene(t), openProfile()]);
    scene.fronts.auth.dropsOpenerPolicy = true;
    const other = await openTab(profile, scene);
    const tab = await openTab(profile, scene);
    const before = await profile.count();
    await offerProvider(tab, { display: "popup" });

    const popup = await profile.openedBy(() => tab.click("#provider"));
    await arrives(popup, scene.issuer);
    await typeUser(popup, scene, "alice");

    assert.equal(await outcome(tab), "done");
    await signedIn(tab);
    await until("the pop-up is closed", async () => (await profile.count()) === before);
    await signedIn(other);
    assert.equal(await tab.url(), `${scene.auth}/blank.html`);
    assert.deepEqual(await callAtOnce(tab, scene, 1), [200]);
  },

  "P50 a pop-up in which the user cancels is told from one that is closed": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openProviderScene(t), openProfile()]);
    scene.fronts.auth.dropsOpenerPolicy = true;
    const tab = await openTab(profile, scene);
    await offerProvider(tab, { display: "popup" });

    const denied = await profile.openedBy(() => tab.click("#provider"));
    await arrives(denied, scene.issuer);
    await denied.click('a[href$="/abort"]');
    assert.equal(await outcome(tab), "provider_denied");

    const closed = await profile.openedBy(() => tab.click("#provider"));
    await arrives(closed, scene.issuer);
    await closed.close();
    await tab.show();
    assert.equal(await outcome(tab), "popup_closed");
    assert.equal((await look(tab)).state, "signed_out");
  },
};

/**
 * Starts a provider, on another site than the auth server, which knows it.
 *
 * @param {import("node:test").TestContext} t
 * @returns {Promise<ProviderScene>}
 */
async function openProviderScene(t) {
  const provider = await listenAsProvider(NAME);
  t.after(() => provider.close());
  const scene = await openScene(t, provider.settings);
  await provider.serve(scene.auth);
  return { ...scene, issuer: provider.issuer };
}

/** What a page knows of its session. @param {Tab} tab */
function look(tab) {
  return tab.evaluate(() => {
    const { status, signInError } = window.session;
    const sessionId = status.state === "signed_in" ? status.sessionId : "";
    return { state: status.state, sessionId, code: signInError?.code ?? "", url: location.href };
  });
}

/** Waits until a page is signed in; returns its session's id. @param {Tab} tab */
async function signedIn(tab) {
  return until("the page is signed in", async () => (await look(tab)).sessionId);
}

/**
 * Waits until a tab has loaded a page.
 *
 * @param {Tab} tab
 * @param {string} start what its URL begins with
 */
async function arrives(tab, start) {
  const isThere = async () => (await tab.url()).startsWith(start);
  await until(`the page is at ${start}`, isThere, { within: 20_000 });
  const isLoaded = () => tab.evaluate(() => document.readyState === "complete").catch(() => false);
  await until("the page is loaded", isLoaded);
}

/**
 * Leaves a page for the provider's.
 *
 * @param {Tab} tab
 * @param {ProviderScene} scene
 * @param {Parameters<typeof offerProvider>[1]} [options]
 */
async function leaveFor(tab, { issuer }, options) {
  await offerProvider(tab, options);
  await tab.click("#provider");
  await arrives(tab, issuer);
}

/**
 * Signs in at the provider, and waits for the return.
 *
 * @param {Tab} tab
 * @param {ProviderScene} scene
 * @param {string} user
 */
async function signInThere(tab, scene, user) {
  await typeUser(tab, scene, user);
  await arrives(tab, `${scene.auth}/blank.html`);
}

/**
 * Types a user's name and a password on the provider's page, and consents if it asks for that.
 *
 * @param {Tab} tab
 * @param {ProviderScene} scene
 * @param {string} user
 */
async function typeUser(tab, { issuer }, user) {
  await tab.type(LOGIN, user);
  await tab.type('input[name="password"]', "any");
  await tab.click('button[type="submit"]');
  const next = await until("the provider asks for consent, or is done", async () => {
    // A pop-up is closed by then.
    const url = await tab.url().catch(() => "");
    if (!url.startsWith(issuer)) return "done";
    const asks = (/** @type {string} */ selector) => document.querySelector(selector) !== null;
    return (await tab.evaluate(asks, CONSENT).catch(() => false)) && "consent";
  });
  if (next === "consent") await tab.click(CONSENT);
}
