import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { beginOutage, endOutage } from "./harness/outage.mjs";
import { openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** Makes the module trap at its next call: nothing in its memory is what it was. */
const RUIN = `(async () => {
  const { default: load } = await import("/nolapse/nolapse.js");
  new Uint8Array((await load()).memory.buffer).fill(0xff);
})()`;

test("P34 a trap rejects whoever waits, and the next call works on a fresh instance", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openSignedIn(browser, server);
  await beginOutage(server, { kind: "stall" });
  const pending = page.evaluate(() =>
    window.session.refresh({ force: true }).then(
      () => "renewed",
      (error) => [error.name, error.code],
    ),
  );
  await until("the refresh is under way", () => network.refreshes().length === 1);

  await page.evaluate(RUIN);
  const started = performance.now();
  const met = await page.evaluate(() =>
    window.session.refresh().then(
      () => "renewed",
      (error) => [error.name, error.code, error.cause instanceof Error],
    ),
  );

  assert.deepEqual(met, ["SessionError", "internal", true]);
  assert.deepEqual(await pending, ["SessionError", "internal"]);
  assert.ok(performance.now() - started < 1_000);
  await endOutage(server);
  const status = await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);
  assert.equal(status, 200);
  assert.equal(await page.evaluate(() => window.session.status.state), "signed-in");
  const { held = [], pending: queued = [] } = await page.evaluate(() => navigator.locks.query());
  assert.deepEqual([...held, ...queued], []);
});

test("P34 two sessions of one page outlive a trap of one of them", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await page.evaluate(async () => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const refresh = async () => ({ accessToken: "of.the.other", expiresIn: 60 });
    Object.assign(window, { other: await createSession({ auth: { refresh }, name: "other" }) });
  });

  await page.evaluate(RUIN);
  const tokens = await page.evaluate(async () => {
    const { session, other } = /** @type {{ other: import("nolapse").Session } & Window} */ (
      /** @type {unknown} */ (window)
    );
    const code = (/** @type {{ code: string }} */ error) => error.code;
    const first = [await session.refresh().catch(code), await other.refresh().catch(code)];
    await session.refresh();
    await other.refresh();
    return [...first, typeof (await session.getToken()), await other.getToken()];
  });

  assert.deepEqual(tokens, ["internal", "internal", "string", "of.the.other"]);
});
