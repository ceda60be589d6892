/** A server behind TLS and tabs of one user, in any engine. */

import { makeIdentity, startFront } from "../harness/front.mjs";
import { newUser, openSession, signIn } from "../harness/page.mjs";
import { startServer } from "../harness/server.mjs";
import { publishPages } from "../pages/publish.mjs";

/** @typedef {import("../harness/engines.mjs").Tab} Tab */
/** @typedef {import("../harness/engines.mjs").Profile} Profile */

/** The time limit for a change to reach another tab. */
export const PEER_MS = 1_000;

/** One for all tests of a file. @type {ReturnType<typeof makeIdentity> | undefined} */
let identity;

/**
 * The real server, as in production: over TLS, without which WebKitGTK does not store `Secure` cookies.
 *
 * @typedef {object} Scene
 * @property {import("../harness/server.mjs").Server} server
 * @property {string} auth the origin of the auth server and of the test page
 * @property {string} api the origin of the API
 * @property {{ auth: import("../harness/front.mjs").Front, api: import("../harness/front.mjs").Front,
 *   foreign: import("../harness/front.mjs").Front }} fronts the proxies that browsers connect to; `foreign` is on no session's list and has no server
 */

/**
 * @param {import("node:test").TestContext} test
 * @param {import("../harness/server.mjs").Environment} [env]
 * @returns {Promise<Scene>}
 */
export async function openScene(test, env = {}) {
  identity ??= makeIdentity();
  const tls = await identity;
  const [auth, api, foreign] = await Promise.all([startFront(test, tls), startFront(test, tls), startFront(test, tls)]);
  const origins = { ISSUER: auth.origin, AUDIENCE: api.origin, ALLOWED_ORIGINS: auth.origin };
  const server = await startServer(test, { ...origins, ...env });
  auth.forwardTo(server.auth);
  api.forwardTo(server.api);
  return { server, auth: auth.origin, api: api.origin, fronts: { auth, api, foreign } };
}

/**
 * Opens a tab with a session, as an app does.
 *
 * @param {Profile} profile
 * @param {Scene} scene
 * @param {Parameters<typeof openSession>[2]} [options]
 * @returns {Promise<Tab>}
 */
export async function openTab(profile, scene, options) {
  const tab = await profile.openTab();
  await tab.goto(`${scene.auth}/blank.html`);
  await openSession(tab, scene, options);
  return tab;
}

/**
 * Opens tabs of one new user, who has signed up on the first of them.
 *
 * @param {Profile} profile
 * @param {Scene} scene
 * @param {number} [count]
 * @param {Parameters<typeof openSession>[2]} [options]
 */
export async function openSignedIn(profile, scene, count = 1, options = {}) {
  const first = await openTab(profile, scene, options);
  const user = newUser();
  await signIn(first, user, "sign-up");
  /** @type {[Tab, ...Tab[]]} */
  const tabs = [first];
  while (tabs.length < count) tabs.push(await openTab(profile, scene, options));
  for (const tab of tabs) await tab.evaluate(() => window.session.getToken());
  return { tabs, first, user };
}

/**
 * The statuses of the given number of concurrent calls to the API.
 *
 * @param {Tab} tab
 * @param {Scene} scene
 * @param {number} count
 */
export function callAtOnce(tab, scene, count) {
  return tab.evaluate(
    async (url, times) => {
      const calls = Array.from({ length: times }, () => window.session.fetch(url));
      return (await Promise.all(calls)).map(({ status }) => status);
    },
    `${scene.api}/notes`,
    count,
  );
}

/**
 * Opens the blank page with the modules of `pages` beside it.
 *
 * @param {Parameters<import("./core.mjs").Body>[0]} t
 * @param {Parameters<import("./core.mjs").Body>[1]} openProfile
 */
export async function openBlank(t, openProfile) {
  const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
  await publishPages(scene.server);
  // The server's Content-Security-Policy forbids to change the base (`base-uri`).
  scene.fronts.auth.dropsPolicy = true;
  const tab = await profile.openTab();
  await tab.goto(`${scene.auth}/blank.html`);
  return { scene, tab };
}
