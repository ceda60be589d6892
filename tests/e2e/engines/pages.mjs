/** The life cycle of a page: hidden, visible, left. */

import assert from "node:assert/strict";

import { openSession } from "../harness/page.mjs";
import { until } from "../harness/until.mjs";
import { callAtOnce, openScene, openSignedIn } from "./scene.mjs";

/** @typedef {import("./core.mjs").Body} Body */
/** @typedef {import("./scene.mjs").Scene} Scene */
/** @typedef {import("./scene.mjs").Tab} Tab */

/** @type {Record<string, Body>} */
export const PAGES = {
  "P04 P05 a tab that comes back after its token's life renews it once, before anybody asks": async (
    t,
    openProfile,
  ) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;
    await tab.hide();
    await until("it is hidden", async () => (await visibility(tab)) === "hidden");
    // By its clock it was suspended for ten minutes, and no event has reported it yet.
    await tab.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() + 600_000;
    });

    await tab.show();

    await until("it is shown", async () => (await visibility(tab)) === "visible");
    // Its timer is due in 50 s.
    await until("a renewal", () => auth.refreshes().length > 0, { within: 5_000 });
    assert.deepEqual(await callAtOnce(tab, scene, 5), Array(5).fill(200));
    assert.equal(auth.refreshes().length, 1);
  },

  "P30 hiding and showing a tab emits no event, and costs no refresh": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    await tab.evaluate(() => {
      const counts = { told: 0, changes: 0 };
      const show = () => {
        document.title = `${counts.told} ${counts.changes}`;
      };
      window.session.subscribe(() => {
        counts.told++;
        show();
      });
      document.addEventListener("visibilitychange", () => {
        counts.changes++;
        show();
      });
    });

    for (let cycle = 1; cycle <= 5; cycle++) {
      await tab.hide();
      await until("hidden", async () => (await visibility(tab)) === "hidden");
      await tab.show();
      await until("shown", async () => (await visibility(tab)) === "visible");
    }

    assert.equal(await tab.evaluate(() => document.title), "1 10");
    assert.deepEqual(scene.fronts.auth.refreshes(), []);
  },

  "P20 a page that is left in the middle of a refresh does not lose the new cookie": (t, openProfile) =>
    leaveInRefresh(t, openProfile, (tab, { auth }) => tab.goto(`${auth}/index.html`)),

  "P20 a page that is reloaded in the middle of a refresh does not lose the new cookie": (t, openProfile) =>
    leaveInRefresh(t, openProfile, (tab, { auth }) => tab.goto(`${auth}/blank.html`)),

  "P20 a tab that is closed in the middle of a refresh does not lose the new cookie": (t, openProfile) =>
    leaveInRefresh(t, openProfile, (tab) => tab.close()),
};

/**
 * The page's visibility.
 *
 * @param {Tab} tab
 */
function visibility(tab) {
  return tab.evaluate(() => document.visibilityState);
}

/**
 * Leaves a page while the response to its refresh is under way, and opens another one. Whether a browser aborts the
 * requests of a page depends on how the page is left.
 *
 * @param {Parameters<Body>[0]} t
 * @param {Parameters<Body>[1]} openProfile
 * @param {(tab: Tab, scene: Scene) => Promise<void>} leave
 */
async function leaveInRefresh(t, openProfile, leave) {
  // Without a grace period, another use of the old cookie is a fork.
  const [scene, profile] = await Promise.all([openScene(t, { GRACE_SECONDS: "0" }), openProfile()]);
  const { first: tab } = await openSignedIn(profile, scene);
  const { auth } = scene.fronts;
  const release = hold(auth);
  await tab.evaluate(() => {
    void window.session.refresh({ force: true });
  });
  await until("the server has answered", () => auth.refreshes()[0]?.status === 200);

  await leave(tab, scene);
  release();

  const next = await profile.openTab();
  await next.goto(`${scene.auth}/blank.html`);
  await until("the browser has the new cookie", async () => {
    await next.evaluate(() => fetch("/healthz").then(() => undefined));
    return auth.to("/healthz").at(-1)?.cookie !== auth.refreshes()[0]?.cookie;
  });
  await openSession(next, scene);
  assert.deepEqual(await callAtOnce(next, scene, 1), [200]);
  const counters = await scene.server.counters();
  assert.deepEqual([counters.reuse_alarms, counters.refreshes_forked], [undefined, undefined]);
}

/**
 * Holds the responses to refreshes back.
 *
 * @param {import("../harness/front.mjs").Front} front
 * @returns {() => void} lets them go
 */
function hold(front) {
  let release = () => {};
  /** @type {Promise<void>} */
  const isReleased = new Promise((resolve) => {
    release = resolve;
  });
  front.holds = ({ path }) => (path === "/auth/refresh" ? isReleased : undefined);
  return release;
}
