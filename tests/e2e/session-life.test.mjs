import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** A lifetime that is long enough for a test, and short enough for refreshes in it. */
const SHORT = { TOKEN_LIFE_SECONDS: "8" };

test("P01 a signed-in page renews its token in the background, with nobody waiting for it", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  const signedIn = network.to("/auth/sign-up")[0]?.sentAt ?? 0;

  await until("two renewals", () => network.refreshes().filter(({ status }) => status === 200).length >= 2, {
    within: 20_000,
  });

  const [first, second] = network.refreshes();
  assert.ok(first && second);
  for (const { body } of [first, second]) assert.equal(JSON.parse(body ?? "").reason, "timer");
  // 6.67 s of 8 s, less up to 0.27 s of jitter, and at first what the sign-in takes to make a key before it is sent. The
  // rest allows for a busy machine, on which an earlier request may have been sent late.
  for (const [from, to] of /** @type {const} */ ([
    [signedIn, first.sentAt],
    [first.sentAt, second.sentAt],
  ])) {
    const least = from === signedIn ? 5_200 : 6_200;
    assert.ok(to - from > least && to - from < 7_600, `${to - from} ms`);
  }
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

test("P02 all calls of a first load wait for exactly one refresh, and each then carries its token", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await page.close();
  const again = await openPage(browser, server);

  const statuses = await again.page.evaluate(
    async (options) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      const session = createSession(options);
      await session.ready;
      const calls = Array.from({ length: 20 }, () => session.fetch(`${options.allowedOrigins[0]}/notes`));
      return (await Promise.all(calls)).map(({ status }) => status);
    },
    { auth: server.auth, allowedOrigins: [server.api] },
  );

  assert.deepEqual(statuses, Array(20).fill(200));
  const [refresh, ...more] = again.network.refreshes();
  assert.equal(more.length, 0);
  assert.match(JSON.parse(refresh?.body ?? "").reason, /^(load|demand)$/);
  const calls = again.network.to("/notes").filter(({ method }) => method === "GET");
  assert.equal(calls.length, 20);
  for (const { sentAt, headers } of calls) {
    assert.ok(sentAt > (refresh?.sentAt ?? Number.POSITIVE_INFINITY));
    assert.match(headers.authorization ?? "", /^Bearer \S+$/);
  }
});

test("P29 a visitor without a session causes no refresh, and is never shown as anything else", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);

  await openSession(page, server);

  assert.deepEqual(await page.evaluate(() => window.session.status), {
    state: "signed_out",
    reason: null,
    serverNotified: true,
    failure: null,
  });
  const refused = await page.evaluate(() => window.session.getToken().catch((error) => [error.name, error.code]));
  assert.deepEqual(refused, ["SessionError", "signed_out"]);
  assert.deepEqual(network.to("/auth/refresh"), []);
});

test("signing out ends the session here and at the server", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network, user } = await openSignedIn(browser, server);

  const told = await page.evaluate(() => window.session.signOut());

  assert.deepEqual(told, { serverNotified: true });
  await until("the server has said so", () => network.to("/auth/sign-out")[0]?.status === 204);
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_out");
  await signIn(page, user);
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

test("P01 a token of 60 seconds is renewed at 50", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { network } = await openSignedIn(browser, server);
  const signedIn = network.to("/auth/sign-up")[0]?.sentAt ?? 0;

  await until("the renewal", () => network.refreshes().length === 1, { within: 55_000 });

  const at = (network.refreshes()[0]?.sentAt ?? 0) - signedIn;
  // Less up to 2 s of jitter; the rest allows for a busy machine.
  assert.ok(at > 47_800 && at < 51_000, `${at} ms`);
});

test("P03 a wrong clock changes neither cadence nor success", { concurrency: true }, async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);

  /** @param {number} shift */
  async function expectCadence(shift) {
    const { page, network } = await openPage(await browser.createBrowserContext(), server);
    await page.evaluateOnNewDocument((by) => {
      const { now } = Date;
      Date.now = () => now() + by;
    }, shift);
    await page.reload();
    await openSession(page, server);
    await signIn(page, newUser(), "sign-up");
    const signedIn = network.to("/auth/sign-up")[0]?.sentAt ?? 0;

    await until("two renewals", () => network.refreshes().filter(({ status }) => status === 200).length === 2, {
      within: 20_000,
    });

    const [first, second] = network.refreshes();
    assert.ok(first && second);
    // A token counts from the call of the sign-in, which makes a key first.
    assert.ok(first.sentAt - signedIn > 5_200 && second.sentAt - first.sentAt > 6_200);
    const status = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);
    assert.equal(status, 200);
  }

  await Promise.all(
    /** @type {const} */ ([
      ["24 hours slow", -86_400_000],
      ["50 seconds slow", -50_000],
      ["50 seconds fast", 50_000],
      ["24 hours fast", 86_400_000],
    ]).map(([name, shift]) => t.test(name, () => expectCadence(shift))),
  );
});

test("P03 a clock that jumps in the middle costs at most one refresh, and no call", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);

  for (const shift of [86_400_000, -86_400_000, -50_000]) {
    const before = network.refreshes().length;
    const status = await page.evaluate(
      async (by, url) => {
        const { now } = Date;
        Date.now = () => now() + by;
        return (await window.session.fetch(url)).status;
      },
      shift,
      `${server.api}/notes`,
    );
    assert.equal(status, 200);
    assert.ok(network.refreshes().length - before <= 1);
  }
});

test("P07 500 calls at the moment of expiry cause one refresh, and each gets its answer", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);

  const answers = await page.evaluate(async (url) => {
    // A suspension of ten minutes, which no event but these calls reports.
    const { now } = Date;
    Date.now = () => now() + 600_000;
    const calls = Array.from({ length: 500 }, async () => {
      const answer = await window.session.fetch(url);
      return answer.ok && Array.isArray((await answer.json()).notes);
    });
    return (await Promise.all(calls)).filter(Boolean).length;
  }, `${server.api}/notes`);

  assert.equal(answers, 500);
  assert.equal(network.to("/notes").filter(({ method }) => method === "GET").length, 500);
  assert.equal(network.refreshes().length, 1);
});

test("credentials sign up and in, and a rejection differs from a failure of the server", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);
  await openSession(page, server, { timeoutMs: 1_000 });
  const user = { ...newUser() };
  /** @param {Record<string, string>} credentials @param {"signIn" | "signUp"} [how] */
  const send = (credentials, how = "signIn") =>
    page.evaluate(
      (all, way) =>
        window.session[way](all).then(
          () => window.session.status.state,
          ({ name, code, problem, failure }) => ({ name, code, problem, failure }),
        ),
      credentials,
      how,
    );
  const refused = { name: "SessionError", code: "sign_in_refused", failure: null };

  assert.deepEqual(await send(user), { ...refused, problem: "invalid_credentials" });
  assert.equal(await send(user, "signUp"), "signed_in");
  await page.evaluate(() => window.session.signOut());
  assert.deepEqual(await send({ ...user, password: "another one" }), { ...refused, problem: "invalid_credentials" });
  assert.deepEqual(await send({ email: user.email }), { ...refused, problem: "invalid_request" });
  assert.equal(await send(user), "signed_in");
  assert.deepEqual(await send(user, "signUp"), { ...refused, problem: "account_exists" });
  await page.setOfflineMode(true);
  assert.deepEqual(await send(user), { name: "SessionError", code: "unreachable", problem: null, failure: "offline" });
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

test("an app without an auth server's URL cannot send credentials", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);

  const seen = await page.evaluate(async () => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const session = createSession({
      auth: { refresh: async () => ({ access_token: "token", expires_in: 60 }) },
      storageKey: "life",
    });
    const refused = await session.signIn({ email: "a" }).catch(({ code, option }) => [code, option]);
    session.close();
    return refused;
  });

  assert.deepEqual(seen, ["misconfigured", "auth"]);
});
