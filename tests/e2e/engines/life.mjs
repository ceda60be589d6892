/** One tab: sign-in, refreshes, waiting and rejected calls. */

import assert from "node:assert/strict";

import { newUser, openSession, signIn } from "../harness/page.mjs";
import { startCalls, stopCalls } from "../harness/tabs.mjs";
import { until } from "../harness/until.mjs";
import { callAtOnce, openScene, openSignedIn, openTab } from "./scene.mjs";

/** @type {Record<string, import("./core.mjs").Body>} */
export const LIFE = {
  "P29 a visitor asks for nothing, and is signed in by what adopt is given": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const tab = await openTab(profile, scene);
    assert.equal(await tab.evaluate(() => window.session.status.state), "signed_out");
    const user = newUser();

    await signIn(tab, user, "sign-up");

    const email = await tab.evaluate(
      () => window.session.status.state === "signed_in" && window.session.status.user.email,
    );
    assert.equal(email, user.email);
    assert.deepEqual(await callAtOnce(tab, scene, 1), [200]);
    assert.deepEqual(scene.fronts.auth.refreshes(), []);
  },

  "P01 a token is renewed in the background at five sixths of its life, and no call fails": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t, { TOKEN_LIFE_SECONDS: "8" }), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;
    await tab.evaluate(() => performance.setResourceTimingBufferSize(10_000));
    await startCalls(tab, `${scene.api}/notes`);

    const times = await until(
      "two renewals",
      async () => {
        const times = await timesOfRequests(tab, ["/auth/sign-up", "/auth/refresh"]);
        return times.length >= 3 ? times : null;
      },
      { within: 20_000 },
    );

    const { answered, failed } = await stopCalls(tab);
    assert.deepEqual(failed, []);
    assert.ok(answered > 20, `${answered} calls`);
    for (const [i, at] of times.slice(0, 2).entries()) {
      // 6.67 s, less up to 0.27 s of jitter. On a busy machine a proof takes longer, before the first of the two, whose life is
      // counted from before it, or before the second; but that comes before the token expires.
      const gap = (times[i + 1] ?? Number.NaN) - at;
      assert.ok(gap > 5_700 && gap < 8_000, `${gap} ms`);
    }
    assert.deepEqual(reasons(auth).slice(0, 2), ["timer", "timer"]);
  },

  "P02 a script in the head sends the first refresh, and the session that is created later takes it": async (
    t,
    openProfile,
  ) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;
    await tab.goto(`${scene.auth}/early.html`);
    await until("the refresh is answered", () => auth.refreshes()[0]?.status === 200);

    await openSession(tab, scene);

    assert.deepEqual(await callAtOnce(tab, scene, 5), Array(5).fill(200));
    assert.equal(auth.refreshes().length, 1);
    assert.deepEqual(reasons(auth), ["load"]);
  },

  "an app takes the module from the preload in its page's head": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;

    await tab.goto(`${scene.auth}/app.html?api=${encodeURIComponent(scene.api)}`);
    await until("the app has created its session", () => tab.evaluate(() => "session" in window));

    assert.deepEqual(await callAtOnce(tab, scene, 5), Array(5).fill(200));
    const engine = await tab.evaluate(() => navigator.userAgent);
    // WebKitGTK sends another request, whatever the headers of the first response.
    const isWebKit = engine.includes("AppleWebKit/605");
    const downloads = auth.to("/assets/nolapse_bg.wasm").length;
    assert.ok(downloads === 1 || (isWebKit && downloads === 2), `${downloads} downloads`);
    assert.deepEqual(reasons(auth), ["load"]);
  },

  "P02 all calls of a first load wait for one refresh": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first } = await openSignedIn(profile, scene);
    const { auth, api } = scene.fronts;
    await first.close();
    const tab = await profile.openTab();
    await tab.goto(`${scene.auth}/blank.html`);

    const loaded = await tab.evaluate(
      async (options, url) => {
        /** @type {typeof import("nolapse")} */
        const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
        window.session = /** @type {typeof window.session} */ (createSession(options));
        await window.session.ready;
        const calls = Array.from({ length: 20 }, () => window.session.fetch(url));
        return (await Promise.all(calls)).map(({ status }) => status);
      },
      { auth: scene.auth, allowedOrigins: [scene.api] },
      `${scene.api}/notes`,
    );

    assert.deepEqual(loaded, Array(20).fill(200));
    assert.equal(auth.refreshes().length, 1);
    for (const { at, authorization } of api.to("/notes")) {
      assert.ok(at > (auth.refreshes()[0]?.at ?? Number.POSITIVE_INFINITY));
      assert.match(authorization ?? "", /^Bearer \S+$/);
    }
  },

  "P02 P04 all calls of a page that was held up past its token's life wait for one refresh": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t, { TOKEN_LIFE_SECONDS: "5" }), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth } = scene.fronts;

    const statuses = await tab.evaluate(async (url) => {
      await window.session.refresh({ force: true });
      // Nothing else runs on the page meanwhile: no timer renews the token.
      while (window.session.expiresIn > 0);
      const calls = Array.from({ length: 20 }, () => window.session.fetch(url));
      return (await Promise.all(calls)).map(({ status }) => status);
    }, `${scene.api}/notes`);

    assert.deepEqual(statuses, Array(20).fill(200));
    const [, ...later] = reasons(auth).slice(reasons(auth).indexOf("force"));
    assert.equal(later.length, 1);
    assert.equal((await scene.server.counters()).api_refused_expired, undefined);
  },

  "P23 a refused token is renewed and the call made once more, and no more than that": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    const { auth, api } = scene.fronts;
    const refused = await tab.evaluate(() => window.session.getToken());
    api.spoils = ({ authorization }) => authorization === `Bearer ${refused}`;

    const mended = await tab.evaluate(post, `${scene.api}/notes`, "once more");

    assert.equal(mended, 201);
    const [one, two, ...more] = api.to("/notes");
    assert.deepEqual([one?.status, two?.status, more], [401, 201, []]);
    assert.equal(two?.body, one?.body);
    assert.deepEqual(reasons(auth), ["rejected"]);

    api.spoils = () => true;
    assert.equal(await tab.evaluate(post, `${scene.api}/notes`, "never"), 401);
    assert.equal(api.to("/notes").length, 4);
    assert.equal(auth.refreshes().length, 2);
    assert.equal(await tab.evaluate(() => window.session.status.state), "signed_in");
  },

  "P22 the token goes to listed origins alone, and not after a redirect": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t), openProfile()]);
    const { api, foreign, auth } = scene.fronts;
    auth.dropsPolicy = true;
    api.redirects = ({ path }) => (path === "/admin/report" ? `${foreign.origin}/redirected` : undefined);
    const { first: tab } = await openSignedIn(profile, scene);

    await tab.evaluate(
      async (mine, theirs) => {
        await window.session.fetch(`${mine}/notes`);
        await window.session.fetch(new Request(`${mine}/me`));
        await window.session.fetch("/healthz");
        await window.session.fetch(`${theirs}/text`);
        await window.session.fetch(new Request(`${theirs}/request`));
        await window.session.fetch(`${mine}/admin/report`);
      },
      scene.api,
      foreign.origin,
    );

    const carried = [...api.received, ...auth.to("/healthz")];
    assert.deepEqual(
      carried.map(({ path, authorization }) => [path, /^Bearer \S+$/.test(authorization ?? "")]),
      ["/notes", "/me", "/admin/report", "/healthz"].map((path) => [path, true]),
    );
    assert.deepEqual(
      foreign.received.map(({ path, authorization }) => [path, authorization]),
      ["/text", "/request", "/redirected"].map((path) => [path, undefined]),
    );
  },

  "P10 P08 a server that goes down and comes back is found again by itself": async (t, openProfile) => {
    const [scene, profile] = await Promise.all([openScene(t, { TOKEN_LIFE_SECONDS: "5" }), openProfile()]);
    const { first: tab } = await openSignedIn(profile, scene);
    await scene.server.kill();
    await until("the token is gone", () => tab.evaluate(() => window.session.expiresIn === 0));
    await until("the status says so", () => tab.evaluate(() => window.session.status.failure === "network"));

    await scene.server.start();

    await until("a token", () => tab.evaluate(() => window.session.expiresIn > 0), { within: 5_500 });
    assert.equal(await tab.evaluate(() => window.session.status.state), "signed_in");
  },
};

/**
 * The reasons that the page sent with its refreshes.
 *
 * @param {import("../harness/front.mjs").Front} auth
 * @returns {string[]}
 */
function reasons(auth) {
  return auth.refreshes().map(({ body }) => JSON.parse(body).reason);
}

/**
 * When the page sent its requests to these paths, by its own clock, and from the first that has its response: a busy server
 * reads them late.
 *
 * @param {import("../harness/page.mjs").Evaluates} tab
 * @param {readonly string[]} paths
 * @returns {Promise<number[]>} milliseconds
 */
function timesOfRequests(tab, paths) {
  return tab.evaluate(
    (paths) =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => paths.includes(new URL(name).pathname))
        .map(({ startTime }) => startTime)
        .sort((one, other) => one - other),
    paths,
  );
}

/**
 * On the page: writes a note.
 *
 * @param {string} url
 * @param {string} text
 */
async function post(url, text) {
  const headers = { "content-type": "application/json" };
  return (await window.session.fetch(url, { method: "POST", headers, body: JSON.stringify({ text }) })).status;
}
