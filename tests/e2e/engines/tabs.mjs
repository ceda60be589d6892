/** Many tabs: one refreshes for all, and changes reach every tab. */

import assert from "node:assert/strict";

import { newUser, signIn } from "../harness/page.mjs";
import { assertPaceOfOneTab, startCalls, stopCalls } from "../harness/tabs.mjs";
import { until } from "../harness/until.mjs";
import { PEER_MS, openScene, openSignedIn, openTab } from "./scene.mjs";

/** @typedef {import("./scene.mjs").Tab} Tab */

/** @type {Record<string, import("./core.mjs").Body>} */
export const TABS = {
  "P15 P16 five tabs refresh as often as one, and trigger no reuse detection": async (t, openProfile) => {
    const env = { TOKEN_LIFE_SECONDS: "6", GRACE_SECONDS: "0" };
    const [scene, profile] = await Promise.all([openScene(t, env), openProfile()]);
    const { tabs } = await openSignedIn(profile, scene, 5);
    for (const tab of tabs) await startCalls(tab, `${scene.api}/notes`);
    const { auth } = scene.fronts;
    const before = auth.refreshes().length;
    await until("a refresh", () => auth.refreshes().length > before, { within: 10_000 });

    await until("four more", () => auth.refreshes().length >= before + 5, { within: 25_000 });

    const times = auth.refreshes().map(({ at }) => at);
    assertPaceOfOneTab(times.slice(before, before + 5));
    for (const tab of tabs) assert.deepEqual((await stopCalls(tab)).failed, []);
    const counters = await scene.server.counters();
    assert.deepEqual([counters.reuse_alarms, counters.refreshes_forked], [undefined, undefined]);
  },

  "P16 P13 tabs that refresh at once trigger no reuse detection, and a forced refresh reaches all": async (
    t,
    openProfile,
  ) => {
    const env = { GRACE_SECONDS: "0", REFRESHES_PER_MINUTE: "0" };
    const [scene, profile] = await Promise.all([openScene(t, env), openProfile()]);
    const { tabs, first } = await openSignedIn(profile, scene, 6);
    for (const tab of tabs) await tab.evaluate(refreshOnSignal);
    const { auth } = scene.fronts;

    for (let round = 1; round <= 20; round++) {
      await first.evaluate(() => new BroadcastChannel("signals").postMessage("now"));
      const haveAll = async () => {
        const done = await Promise.all(tabs.map((tab) => tab.evaluate(() => Number(document.title))));
        return done.every((times) => times === round);
      };
      await until("all have refreshed", haveAll, { every: 100 });
    }
    assert.ok(auth.refreshes().length >= 20, `${auth.refreshes().length} refreshes`);
    await first.evaluate(() => window.session.refresh({ force: true }).then(() => undefined));
    const token = await first.evaluate(() => window.session.getToken());

    const tokens = () => Promise.all(tabs.map((tab) => tab.evaluate(() => window.session.getToken())));
    await until("all have it", async () => (await tokens()).every((one) => one === token), { within: PEER_MS });
    const counters = await scene.server.counters();
    assert.deepEqual([counters.reuse_alarms, counters.refreshes_forked], [undefined, undefined]);
  },

  "P12 P18 P19 a sign-out and a sign-in reach every tab within a second": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { tabs, first } = await openSignedIn(profile, scene, 3);

    await first.evaluate(() => window.session.signOut());
    await until("all are out", () => everyUser(tabs, ""), { within: PEER_MS });
    for (const tab of tabs) assert.deepEqual(await tab.evaluate(refusal, scene.api), ["signed_out", "signed_out"]);
    assert.deepEqual(scene.fronts.api.to("/notes"), []);

    const next = newUser();
    await signIn(first, next, "sign-up");
    await until("all are in", () => everyUser(tabs, next.email), { within: PEER_MS });
  },

  "P12 P14 a sign-out everywhere ends the user's other browsers": async (t, openProfile) => {
    const [scene, profile, elsewhere] = await Promise.all([openScene(t), openProfile(), openProfile()]);
    const { first, user } = await openSignedIn(profile, scene);
    const other = await openTab(elsewhere, scene);
    assert.equal(await other.evaluate(() => window.session.status.state), "signed_out");
    await signIn(other, user);

    await first.evaluate(() => window.session.signOut({ everywhere: true }));

    const ending = await other.evaluate(() =>
      window.session.refresh({ force: true }).then(
        () => "renewed",
        (error) => error.code,
      ),
    );
    assert.equal(ending, "signed_out");
    assert.equal(await other.evaluate(() => window.session.status.state), "signed_out");
  },
};

/** On the page: refreshes at each message on a channel, and counts in the title. */
function refreshOnSignal() {
  let times = 0;
  document.title = "0";
  const signals = new BroadcastChannel("signals");
  signals.onmessage = async () => {
    await window.session.refresh();
    document.title = String(++times);
  };
}

/**
 * On the page: the error code of a call to the API.
 *
 * @param {string} api
 */
function refusal(api) {
  return window.session.fetch(`${api}/notes`).then(
    ({ status }) => [status],
    (error) => [error.code, error.reason],
  );
}

/**
 * Whether all tabs are signed in as that user; signed out, if it is not a text.
 *
 * @param {readonly Tab[]} tabs
 * @param {string} email
 */
async function everyUser(tabs, email) {
  const look = () => (window.session.status.state === "signed_in" ? window.session.status.user.email : "");
  const users = await Promise.all(tabs.map((tab) => tab.evaluate(look)));
  return users.every((user) => user === email);
}
