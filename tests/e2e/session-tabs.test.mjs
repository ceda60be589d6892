import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage, openSession, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { assertPaceOfOneTab } from "./harness/tabs.mjs";
import { until } from "./harness/until.mjs";

test("P15 three tabs refresh as often as one", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { TOKEN_LIFE_SECONDS: "6" }), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  const tabs = [first, await openPage(browser, server), await openPage(browser, server)];
  for (const { page } of tabs.slice(1)) await openSession(page, server);
  for (const { page } of tabs) await page.evaluate(() => window.session.getToken());
  const times = () =>
    tabs.flatMap(({ network }) => network.refreshes().map(({ sentAt }) => sentAt)).sort((a, b) => a - b);
  const before = times().length;
  await until("a refresh", () => times().length > before, { within: 10_000 });

  await until("four more", () => times().length >= before + 5, { within: 25_000 });

  assertPaceOfOneTab(times().slice(before, before + 5));
  for (const { page } of tabs) {
    await until("the tab has the new token", () => page.evaluate(() => window.session.expiresIn > 3));
  }
});

test("P18 after a sign-out no other tab attaches a token", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  const second = await openPage(browser, server);
  await openSession(second.page, server);
  await second.page.evaluate(() => window.session.getToken());

  await first.page.evaluate(() => window.session.signOut());

  await until("the other tab knows", () => second.page.evaluate(() => window.session.status.state === "signed_out"), {
    within: 1_000,
  });
  const refused = await second.page.evaluate(
    (url) => window.session.fetch(url).catch((error) => [error.code, error.reason]),
    `${server.api}/notes`,
  );
  assert.deepEqual(refused, ["signed_out", "signed_out"]);
  assert.deepEqual(second.network.to("/notes"), []);
});

test("P18 signing out while the server cannot be reached is local at once, and sent later", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await server.stop();

  const told = await page.evaluate(() => window.session.signOut());

  assert.deepEqual(told, { serverNotified: false });
  assert.deepEqual(await page.evaluate(() => window.session.status), {
    state: "signed_out",
    reason: "signed_out",
    serverNotified: false,
    failure: null,
  });
  await server.start();
  await until("the server was told", () => network.to("/auth/sign-out").some(({ status }) => status === 204), {
    within: 20_000,
  });
  await until("the page knows", () =>
    page.evaluate(() => window.session.status.state === "signed_out" && window.session.status.serverNotified),
  );
});

test("P19 signing in on one tab signs the others in", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  const second = await openPage(browser, server);
  await openSession(second.page, server);
  await first.page.evaluate(() => window.session.signOut());
  await until("both are out", () => second.page.evaluate(() => window.session.status.state === "signed_out"));

  await signIn(first.page, first.user);

  await until("the other tab is in", () => second.page.evaluate(() => window.session.status.state === "signed_in"), {
    within: 1_000,
  });
});

test("P14 a session that was revoked from elsewhere ends at its next refresh, and says why", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { TOKEN_LIFE_SECONDS: "5" }), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await page.evaluate(() => {
    window.session.on("signed_out", ({ reason, trace }) => {
      document.title = `${reason} ${trace.length > 0}`;
    });
  });

  await page.evaluate(async () => {
    const status = window.session.status;
    const body = JSON.stringify({ session_id: status.state === "signed_in" ? status.sessionId : "", change: "revoke" });
    const headers = { "content-type": "application/json", "nolapse-version": "1" };
    await fetch("/demo/session", { method: "POST", headers, body });
  });

  await until("the page knows", async () => (await page.title()) === "revoked true", { within: 6_000 });
  const code = await page.evaluate(() => window.session.getToken().catch((error) => [error.code, error.reason]));
  assert.deepEqual(code, ["signed_out", "revoked"]);
});
