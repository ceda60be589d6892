import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { beginOutage, endOutage } from "./harness/outage.mjs";
import { newUser, openPage, openSession, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { startCalls, stopCalls } from "./harness/tabs.mjs";
import { until } from "./harness/until.mjs";

const SHORT = { TOKEN_LIFE_SECONDS: "6" };

/** The delay that a busy machine may add. */
const SLACK_MS = 700;

test("P10 P08 a page that loses its network keeps its session, and has a token again at once with the network", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await page.setOfflineMode(true);
  await until("the token is gone", () => page.evaluate(() => window.session.expiresIn === 0), { within: 15_000 });
  await until("the status says why", () => page.evaluate(() => window.session.status.failure === "offline"));
  const asked = network.refreshes().length;
  const call = page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);

  await page.setOfflineMode(false);

  assert.equal(await call, 200);
  const recovered = network.refreshes().filter(({ status }) => status === 200);
  assert.equal(recovered.length, 1);
  assert.ok(asked <= 4, `${asked} attempts while offline`);
  assert.deepEqual(await page.evaluate(() => [window.session.status.state, window.session.status.failure]), [
    "signed_in",
    null,
  ]);
});

/**
 * Makes every new document of a page say that it is online, or offline, whatever the network is, and hear of no change.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {boolean} isOnline
 */
async function pretend(page, isOnline) {
  await page.evaluateOnNewDocument((said) => {
    Object.defineProperty(Navigator.prototype, "onLine", { get: () => said });
    for (const type of ["online", "offline"])
      window.addEventListener(type, (event) => event.stopImmediatePropagation(), { capture: true });
  }, isOnline);
  await page.reload();
}

for (const isOnline of [true, false]) {
  test(`P10 issue 11: a browser that always says onLine = ${isOnline} ends nothing, stops nothing and holds nothing up`, async (t) => {
    const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
    const { page, network } = await openPage(browser, server);
    await pretend(page, isOnline);
    await openSession(page, server);
    await signIn(page, newUser(), "sign-up");
    const status = () => page.evaluate(() => window.session.status);
    const call = () => page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);
    const renewed = () => network.refreshes().filter(({ status }) => status === 200).length;

    // With a network: the token is renewed in the background, and calls are answered.
    await until("it is renewed", () => renewed() >= 1, { within: 10_000 });
    assert.equal(await call(), 200);
    assert.deepEqual([(await status()).state, (await status()).failure], ["signed_in", null]);

    // Without one: the session goes on, and a call waits.
    await page.setOfflineMode(true);
    const cause = isOnline ? "network" : "offline";
    await until("the failure is told", async () => (await status()).failure === cause, { within: 15_000 });
    await until("the token is gone", () => page.evaluate(() => window.session.expiresIn === 0), { within: 15_000 });
    const waiting = call();
    assert.equal((await status()).state, "signed_in");

    // The network is back, and no event says so.
    await page.setOfflineMode(false);
    assert.equal(await waiting, 200);
    assert.equal((await status()).failure, null);
  });
}

test("P10 a server that goes down and comes back is found again by itself, and nobody is signed out", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, SHORT), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await server.kill();
  await until("the token is gone", () => page.evaluate(() => window.session.expiresIn === 0), { within: 15_000 });
  await until("the status says so", () => page.evaluate(() => window.session.status.failure === "network"));
  const down = network.refreshes().length;

  await server.start();

  // Without a response, it is retried every 4.5 s at the latest.
  await until("a token", () => page.evaluate(() => window.session.expiresIn > 0), { within: 4_500 + SLACK_MS });
  assert.ok(down <= 5, `${down} attempts while the server was down`);
  assert.equal(await page.evaluate(() => window.session.status.failure), null);
});

for (const [form, retryAfter] of /** @type {const} */ ([
  ["seconds", () => "4"],
  ["a date", () => new Date(Date.now() + 4_900).toUTCString()],
])) {
  test(`P10 a 429 with Retry-After as ${form} is honoured, while calls go on with the token that is there`, async (t) => {
    const [server, browser] = await Promise.all([startServer(t, { TOKEN_LIFE_SECONDS: "30" }), launchBrowser(t)]);
    const { page, network } = await openSignedIn(browser, server);
    await startCalls(page, `${server.api}/notes`, 50);
    await beginOutage(server, { kind: "429", retry_after: retryAfter(), times: 1 });

    const failures = await page.evaluate(async () => {
      /** @type {unknown[]} */
      const failures = [];
      for (;;) {
        const error = await window.session.refresh().then(
          () => undefined,
          (reason) => reason,
        );
        if (error === undefined) return failures;
        failures.push([error.code, error.failure]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });

    // However often the app calls, the refresh is retried at the time of `Retry-After`.
    const [first, second, ...more] = network.refreshes();
    assert.ok(first && second);
    assert.deepEqual(more, []);
    assert.ok(failures.length > 50, `${failures.length} failures`);
    for (const failure of failures) assert.deepEqual(failure, ["unreachable", "rate_limited"]);
    // A date has whole seconds, and up to a second of jitter is added so that clients do not retry at once.
    const waited = second.sentAt - first.sentAt;
    assert.ok(waited > 3_800 && waited < 6_000 + SLACK_MS, `${waited} ms`);
    const { failed, slowest } = await stopCalls(page);
    assert.deepEqual(failed, []);
    assert.ok(slowest < 2_000, `${slowest} ms`);
  });
}

test("P10 an app that calls 50 times a second does not storm a failing server", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { TOKEN_LIFE_SECONDS: "3" }), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await beginOutage(server, { kind: "500" });
  await startCalls(page, `${server.api}/notes`, 20);

  const failed = () => network.refreshes().filter(({ status }) => status === 500);
  await until("400 calls were refused", () => page.evaluate(() => window.calls.failed.length >= 400), {
    within: 30_000,
  });

  // A new failure streak costs at most 16 attempts, and never two within half a second.
  const attempts = failed();
  assert.ok(attempts.length >= 2 && attempts.length <= 16, `${attempts.length} attempts`);
  attempts.reduce((before, after) => {
    assert.ok(after.sentAt - before.sentAt > 450, `${after.sentAt - before.sentAt} ms`);
    return after;
  });
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
  await endOutage(server);
  await page.evaluate(() => window.session.refresh());
  assert.equal(await page.evaluate(() => window.session.status.failure), null);
});
