import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** Values that a script of the origin may write into the storage record. */
const TEXTS = [
  "nolapse1;100000000000000;in;1;7",
  "nolapse1;100000000000001;in;1;7",
  "nolapse1;999999999999999;in;1;4294967295",
  "nolapse1;1000000000000000;in;1;7",
  "nolapse1;2000001;in;1;7",
  "nolapse1;2000002;in;1;7",
  "nolapse1;1;in;1;4294967296",
  "nolapse1;1;in;999999999999999;0",
  "nolapse1;1;in;1000000000000000;0",
  "nolapse1;100000000000000;out;signed_out;7;1;0;",
  "nolapse2;1;in;1;7",
  "{}",
];

/** The record, and under which key it is. @param {import("puppeteer-core").Page} page */
function recordOf(page) {
  return page.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.startsWith("nolapse") && !name.endsWith(":user")) ?? "";
    return { key, text: localStorage.getItem(key) ?? "" };
  });
}

test("a record that a script has spoilt costs one refresh, and is one that tabs can go on from afterwards", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  const { key } = await recordOf(page);
  assert.notEqual(key, "");

  for (const text of TEXTS) {
    await page.evaluate((name, spoilt) => localStorage.setItem(name, spoilt), key, text);
    const before = network.refreshes().length;
    await page.reload();
    await openSession(page, server);

    // An early refresh that the machine does not take over would rotate the cookie, and keep the lock.
    assert.equal(typeof (await page.evaluate(() => window.session.getToken())), "string", text);
    assert.equal(network.refreshes().length - before, 1, text);
    const { text: record } = await recordOf(page);
    const [, number] = /^nolapse1;(\d+);in;\d+;\d+$/.exec(record) ?? [];
    assert.ok(Number(number) >= 1 && Number(number) <= 2_000_001, `${text}: ${record}`);
  }
});

test("tabs that find the highest number agree on a sign-out and on a sign-in", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, user } = await openSignedIn(browser, server);
  const { key } = await recordOf(page);
  for (const text of TEXTS.slice(0, 3)) {
    await page.evaluate((name, spoilt) => localStorage.setItem(name, spoilt), key, text);
    const other = await openPage(browser, server);
    await openSession(other.page, server);
    const state = (/** @type {import("puppeteer-core").Page} */ one) => one.evaluate(() => window.session.status.state);
    await until("the new tab is in", async () => (await state(other.page)) === "signed_in");
    // The open tab has a token; a busy one may answer later than after the 100 ms that the new tab waits.
    assert.ok(other.network.refreshes().length <= 1, text);

    await other.page.evaluate(() => window.session.signOut());
    await until("both are out", async () => (await state(page)) === "signed_out");
    await other.page.evaluate(
      (body) =>
        window.session.signIn(() =>
          fetch("/auth/sign-in", {
            method: "POST",
            headers: { "content-type": "application/json", "nolapse-version": "1" },
            body,
          }),
        ),
      JSON.stringify(user),
    );
    await until("both are in", async () => (await state(page)) === "signed_in");
    await other.page.close();
  }
});
