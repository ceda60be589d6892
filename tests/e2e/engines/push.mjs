/** The push stream: one per browser, held by a visible page, and a revocation known to every tab. */

import assert from "node:assert/strict";

import { signIn } from "../harness/page.mjs";
import { until } from "../harness/until.mjs";
import { openScene, openSignedIn } from "./scene.mjs";

/** How often a session is revoked, for the times. */
const ROUNDS = 5;

/** @type {Record<string, import("./core.mjs").Body>} */
export const PUSH = {
  "P56 a revocation at the server is known to every tab within a second": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { tabs, user } = await openSignedIn(profile, scene, 3, { push: true });
    for (const tab of tabs) await tab.evaluate(noteEnd);
    const times = [];

    for (let round = 1; round <= ROUNDS; round++) {
      await until("one stream is open", () => open(scene).length === 1);
      const sessionId = await tabs[0].evaluate(() => {
        const { status } = window.session;
        return status.state === "signed_in" ? status.sessionId : "";
      });
      const begun = Date.now();
      await scene.server.pull("session", { session_id: sessionId, change: "revoke" });
      const ends = () => Promise.all(tabs.map((tab) => tab.evaluate(() => document.title)));
      const isOver = async () => (await ends()).every((end) => end.startsWith(`${round} revoked `));
      await until("every tab knows", isOver, { within: 5_000 });
      const last = (await ends()).map((end) => Number(end.split(" ")[2]) - begun);
      times.push(Math.max(...last));
      const again = /** @type {import("../harness/engines.mjs").Tab} */ (tabs[round % 3]);
      await signIn(again, user);
      const isBack = () => tabs[0].evaluate(() => window.session.status.state === "signed_in");
      await until("the tabs are signed in", isBack);
    }

    t.diagnostic(`revoked → known to 3 tabs: ${times.join(", ")} ms`);
    const median = times.toSorted((a, b) => a - b)[(ROUNDS - 1) / 2] ?? Number.NaN;
    assert.ok(median <= 1_000, `${times} ms`);
    // One for each session, and none for the end of one.
    assert.ok(scene.fronts.auth.refreshes().length <= 3 * ROUNDS, `${scene.fronts.auth.refreshes().length}`);
  },

  "part3 a stream is closed when its page is hidden, and opened again when it is shown": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first } = await openSignedIn(profile, scene, 1, { push: true });
    await until("the stream is open", () => open(scene).length === 1);

    await first.hide();
    await until("it is closed", () => open(scene).length === 0);

    await first.show();
    await until("it is open again", () => open(scene).length === 1);
    assert.equal(scene.fronts.auth.to("/auth/events").length, 2);
  },

  "part3 a stream is handed over when its page is closed": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { tabs, first } = await openSignedIn(profile, scene, 2, { push: true });
    await until("one stream is open", () => open(scene).length === 1);

    await tabs[1]?.close();
    await first.show();

    await until("the other tab has one", () => open(scene).length === 1);
    assert.equal(await first.evaluate(() => window.session.status.state), "signed_in");
  },

  "part3 without the option there is no stream, and none of its code": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t, { TOKEN_LIFE_SECONDS: "5" }), openProfile()]);
    await openSignedIn(profile, scene);
    const { auth } = scene.fronts;
    await until("a refresh", () => auth.refreshes().length > 0);

    assert.deepEqual(auth.to("/auth/events"), []);
    assert.deepEqual(auth.to("/nolapse/push.js"), []);
  },
};

/** The streams that are open now. @param {import("./scene.mjs").Scene} scene */
function open({ fronts }) {
  return fronts.auth
    .to("/auth/events")
    .filter(({ status, isDelivered }) => status === 200 && isDelivered === undefined);
}

/** On the page: puts into the title how often a session has ended, why the last one, and when. */
function noteEnd() {
  let count = 0;
  window.session.on("signed_out", ({ reason }) => {
    document.title = `${++count} ${reason} ${Date.now()}`;
  });
}
