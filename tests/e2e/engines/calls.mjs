/** `session.fetch` beside the platform's `fetch`: what is judged is what is sent, and nothing gets lost on the way. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";

import { publishPages } from "../pages/publish.mjs";
import { openScene } from "./scene.mjs";

/** @type {Record<string, import("./core.mjs").Body>} */
export const CALLS = {
  "P22 a base that moves while the arguments are converted takes the token nowhere": async (t, openProfile) => {
    const { tab } = await openBlank(t, openProfile);

    const { seen, foreign, own } = await tab.evaluate(async () => {
      /** @type {typeof import("../pages/conversions.mjs")} */
      const { moveWhileConverting } = await import(/** @type {string} */ ("/pages/conversions.mjs"));
      return moveWhileConverting();
    });

    const gone = Object.values(seen).filter(([sent]) => sent?.[0] === foreign);
    assert.ok(gone.length > 10, `${gone.length} calls went to the foreign origin`);
    for (const [name, sent] of Object.entries(seen)) {
      // WebKit resolves the URL before it asks for headers: then the call stays, with its token.
      const isGone = sent[0]?.[0] === foreign;
      assert.deepEqual(sent, [isGone ? [foreign, null] : [own, "Bearer token.1"]], name);
    }
  },

  "P22 a base that moves while a call waits for its token does not change where it goes": async (t, openProfile) => {
    const { tab } = await openBlank(t, openProfile);

    const sent = await tab.evaluate(async () => {
      /** @type {typeof import("../pages/conversions.mjs")} */
      const { moveWhileWaiting } = await import(/** @type {string} */ ("/pages/conversions.mjs"));
      return moveWhileWaiting();
    });

    assert.deepEqual(sent, [
      ["own/own", "Bearer token.1"],
      ["https://api.example.com/listed", "Bearer token.1"],
    ]);
  },

  "P21 P22 random arguments with code of their own make the request that the platform makes of them": async (
    t,
    openProfile,
  ) => {
    const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
    t.diagnostic(`SEED=${seed}`);
    const { tab } = await openBlank(t, openProfile);

    const { failures, seen } = await tab.evaluate(async (seed) => {
      /** @type {typeof import("../pages/conversions.mjs")} */
      const { compareConversions } = await import(/** @type {string} */ ("/pages/conversions.mjs"));
      return compareConversions(seed, 600);
    }, seed);

    assert.deepEqual(failures, []);
    for (const [kind, count] of Object.entries(seen)) assert.ok(count > 20, `${count} ${kind}`);
  },
};

/**
 * Opens the blank page with the modules of `pages` beside it.
 *
 * @param {Parameters<import("./core.mjs").Body>[0]} t
 * @param {Parameters<import("./core.mjs").Body>[1]} openProfile
 */
async function openBlank(t, openProfile) {
  const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
  await publishPages(scene.server);
  // The server's policy lets no page move its base.
  scene.fronts.auth.dropsPolicy = true;
  const tab = await profile.openTab();
  await tab.goto(`${scene.auth}/blank.html`);
  return { scene, tab };
}
