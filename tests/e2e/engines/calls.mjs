/** `session.fetch` beside the platform's `fetch`: what is judged is what is sent, and nothing gets lost on the way. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";

import { until } from "../harness/until.mjs";
import { openBlank, openScene, openSignedIn } from "./scene.mjs";

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
      // WebKit resolves the URL before it reads the headers: then the call is sent to this origin, with its token.
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

  "P21 no member of a call gets lost on the way, given as options or in a Request": async (t, openProfile) => {
    const { scene, tab } = await openBlank(t, openProfile);

    const outcomes = await tab.evaluate(async (foreign) => {
      /** @type {typeof import("../pages/members.mjs")} */
      const { compareMembers } = await import(/** @type {string} */ ("/pages/members.mjs"));
      return compareMembers(foreign);
    }, scene.fronts.foreign.origin);

    assert.ok(outcomes.length > 30);
    for (const [name, native, ...ours] of outcomes) assert.deepEqual([name, ...ours], [name, native, native]);
    const [aborted] = outcomes.filter(([name]) => name === "keepalive of more than 64 KiB");
    assert.equal(aborted?.[1], "TypeError");
    const { auth } = scene.fronts;
    for (const [i, [name]] of outcomes.entries()) {
      const sides = ["native", "options", "request"].map((side) => auth.to(`/members/${i}/${side}`).map(sentAs));
      for (const side of sides) assert.deepEqual(side, sides[0], name);
    }
  },

  "P21 a call with keepalive is answered after its page was left": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;
    /** @type {() => void} */
    let release = () => {};
    const isReleased = new Promise((/** @type {(nothing: void) => void} */ resolve) => {
      release = () => resolve();
    });
    auth.holds = ({ path }) => (path.startsWith("/leaving") ? isReleased : undefined);

    await tab.evaluate(() => {
      const init = { method: "POST", keepalive: true };
      void window.session.fetch("/leaving/options", { ...init, body: "left" });
      void window.session.fetch("/leaving/form", { ...init, body: new URLSearchParams({ a: "b" }) });
      void window.session.fetch(new Request("/leaving/request", { ...init, body: "left" }));
    });
    const paths = ["/leaving/options", "/leaving/form", "/leaving/request"];
    await until("all are on their way", () => paths.every((path) => auth.to(path)[0]?.status));
    await tab.goto(`${scene.auth}/index.html`);
    release();

    await until("their answers are gone", () => paths.every((path) => auth.to(path)[0]?.isDelivered !== undefined));
    for (const path of paths) assert.equal(auth.to(path)[0]?.isDelivered, true, path);
  },

  "line05 what is saved while the page is left is sent once, with a token": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;
    await tab.evaluate(() => {
      const save = (/** @type {string} */ path) => () => {
        void window.session.fetch(path, { method: "POST", keepalive: true, body: "draft" });
      };
      window.addEventListener("pagehide", save("/leaving/pagehide"));
      document.addEventListener("visibilitychange", save("/leaving/hidden"));
    });

    await tab.goto(`${scene.auth}/index.html`);

    const paths = ["/leaving/pagehide", "/leaving/hidden"];
    await until("both are sent", () => paths.every((path) => auth.to(path).length > 0));
    for (const path of paths) {
      const [saved, ...more] = auth.to(path);
      assert.match(`${saved?.headers.authorization}`, /^Bearer ./, path);
      assert.deepEqual(more, [], path);
    }
  },

  "P21 P25 what is refused at once is refused in the microtask in which the platform refuses it": async (
    t,
    openProfile,
  ) => {
    const { scene, tab } = await openBlank(t, openProfile);

    const { refusals, shape } = await tab.evaluate(async () => {
      /** @type {typeof import("../pages/members.mjs")} */
      const { compareRefusals } = await import(/** @type {string} */ ("/pages/members.mjs"));
      return compareRefusals();
    });

    for (const [name, native, ours] of refusals) assert.deepEqual(ours, native, name);
    assert.deepEqual(shape, { length: 1, name: "fetch" });
    assert.deepEqual(
      scene.fronts.auth.received.filter(({ path }) => /refused|undefined/.test(path)),
      [],
    );
  },
};

/**
 * The parts of a request that a call's members determine, without its token.
 *
 * @param {import("../harness/front.mjs").Received} received
 */
function sentAs({ method, body, headers }) {
  const names = [
    "referer",
    "cache-control",
    "pragma",
    "priority",
    "content-type",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "x-own",
  ];
  return [method, body.length, headers.cookie !== undefined, ...names.map((name) => headers[name])];
}
