import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

test("part3 P39 a page with a stream goes to the back/forward cache, and opens another one on its return", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedInWithPush(browser, server);
  await until("the stream is open", () => network.to("/auth/events").length === 1);
  await page.evaluate(() => {
    addEventListener("pageshow", ({ persisted }) => {
      document.title = persisted ? "persisted" : "loaded";
    });
  });

  await page.goto(`${server.auth}/blank.html?elsewhere`);
  await page.goBack();

  await until("the page is shown", async () => (await page.title()) !== "");
  assert.equal(await page.title(), "persisted");
  await until("another stream", () => network.to("/auth/events").length === 2);
});

test("P56 a stream that the server ended is opened again, and a revocation meanwhile is known", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedInWithPush(browser, server);
  await until("the stream is open", () => network.to("/auth/events").length === 1);
  const sessionId = await page.evaluate(() => {
    const { status } = window.session;
    return status.state === "signed_in" ? status.sessionId : "";
  });

  await server.restart();
  await server.pull("session", { session_id: sessionId, change: "revoke" });

  // The next refresh would be 50 s after the last one.
  const isOut = () => page.evaluate(() => window.session.status.state === "signed_out");
  await until("the page knows", isOut, { within: 35_000 });
  const [first, second] = network.to("/auth/events");
  assert.ok(first && second, "two streams");
  t.diagnostic(`opened again ${Math.round(second.sentAt - first.sentAt)} ms after the first`);
});

/**
 * Opens a page with the option `push` and a new user signed in.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {import("./harness/server.mjs").Server} server
 */
async function openSignedInWithPush(browser, server) {
  const opened = await openPage(browser, server);
  await openSession(opened.page, server, { push: true });
  await signIn(opened.page, newUser(), "sign-up");
  return opened;
}
