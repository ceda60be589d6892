import assert from "node:assert/strict";
import { test } from "node:test";

import { SITE } from "../tools/demo-parts.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { openDemo, press, shows, text } from "./harness/demo.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

test("P56 the demo page's switch shows a revocation arrive, and how long it took", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, { SITE_DIR: SITE }), launchBrowser(t)]);
  const { page, network, complaints } = await openDemo(await browser.createBrowserContext(), server);
  const isOn = () =>
    page.$eval('[data-testid="control-push"]', (box) => box instanceof HTMLInputElement && box.checked);
  assert.equal(await isOn(), false);
  assert.deepEqual(network.to("/auth/events"), []);

  // The page starts again.
  await Promise.all([page.waitForNavigation(), press(page, "control-push")]);

  await until("the stream is open", () => network.to("/auth/events").some(({ status }) => status === 200));
  await shows(page, "state", "signed_in");
  assert.equal(await isOn(), true);
  await press(page, "control-revoke-self");
  await shows(page, "state", "signed_out", 5_000);
  const notice = /^This session was revoked\.\s+The push stream told it, (\d+) ms after you revoked it\./;
  const told = await until("the notice has the time", async () => notice.exec(await text(page, "notice")));
  t.diagnostic(`${told[1]} ms`);
  assert.ok(Number(told[1]) <= 1_000, told[0]);

  // Switched off, the page has no stream.
  await press(page, "auth-throwaway");
  await shows(page, "state", "signed_in");
  await until("another stream", () => network.to("/auth/events").length === 2);
  await Promise.all([page.waitForNavigation(), press(page, "control-push")]);
  await shows(page, "state", "signed_in");
  assert.equal(await isOn(), false);
  assert.equal(network.to("/auth/events").length, 2);
  // The browser's own words for the refused refresh.
  assert.deepEqual(
    complaints.filter((line) => !/status of 401 /.test(line)),
    [],
  );
});
