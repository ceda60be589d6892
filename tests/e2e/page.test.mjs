import assert from "node:assert/strict";
import { test } from "node:test";

import { SITE } from "../tools/demo-parts.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { openDemo, press, rows, shows, text, visit } from "./harness/demo.mjs";
import { endOutage } from "./harness/outage.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

const LIFE_SECONDS = 8;
const LIFE_MS = LIFE_SECONDS * 1_000;

/** The delay that a busy machine may add. */
const SLACK_MS = 5_000;

/** The browser's own console message for a response that is not a success. */
const refused = (/** @type {number} */ status) => new RegExp(`^Failed to load resource: .* status of ${status} `);

test("the demo page", async (t) => {
  const settings = { SITE_DIR: SITE, TOKEN_LIFE_SECONDS: `${LIFE_SECONDS}` };
  const [server, browser] = await Promise.all([startServer(t, settings), launchBrowser(t)]);
  const open = async () => openDemo(await browser.createBrowserContext(), server);

  await t.test("P01 a visitor signs up, sees the token renewed in the background, and signs out", async () => {
    const { page, network, complaints } = await open();

    assert.equal(await page.$eval('[data-testid="ring"]', (ring) => ring.getAttribute("data-phase")), "fresh");
    const left = Number(await text(page, "ring-seconds"));
    assert.ok(left > 0 && left <= LIFE_SECONDS, `${left} seconds left`);
    assert.match(await text(page, "email"), /^\S+@\S+$/);
    assert.equal(await text(page, "role"), "member");
    const renewal = '[data-kind="refresh"][data-reason="timer"][data-source="this_tab"][data-status="ok"]';
    await until("a refresh on schedule is told", () => rows(page, renewal), { within: LIFE_MS + SLACK_MS });
    assert.equal(await rows(page, `${renewal}[data-blocking="true"]`), 0);
    assert.equal(
      network.refreshes().every(({ status }) => status === 200),
      true,
    );

    await press(page, "control-sign-out");
    await shows(page, "state", "signed_out");
    const notice = /^You are signed out\.\s+The session was ended here or in another tab\.\s+Dismiss$/;
    await until("the notice says so, and nothing of a server untold", async () =>
      notice.test(await text(page, "notice")),
    );
    assert.deepEqual(complaints, []);
  });

  await t.test("P07 a call is one row, fifty at once are fifty rows and at most one refresh", async () => {
    const { page, network, complaints } = await open();
    const answered = '[data-kind="call"][data-status="200"]';
    await press(page, "control-call");
    await until("the call is told", () => rows(page, answered));
    assert.match(await text(page, "result-call"), /^\d+ notes? in /);

    const before = network.refreshes().length;
    await press(page, "control-burst");
    await until("the burst is over", async () =>
      (await text(page, "result-burst")).startsWith("50 calls, 50 answered"),
    );

    await until("51 calls are told", async () => (await rows(page, '[data-kind="call"]')) === 51);
    assert.equal(await rows(page, answered), 51);
    assert.ok(network.refreshes().length - before <= 1);
    assert.deepEqual(complaints, []);
  });

  await t.test("P13 a new role is seen as soon as a refresh is asked for", async () => {
    const { page, complaints } = await open();
    await press(page, "control-admin");
    await until("the report is refused", async () => (await text(page, "result-admin")).startsWith("403"));

    await press(page, "control-role");
    await until("the server has taken it", async () =>
      (await text(page, "result-role")).includes("The server says admin"),
    );
    await press(page, "control-refresh");
    await until("the page shows it", async () => (await text(page, "role")) === "admin");

    await press(page, "control-admin");
    await until("the report is given", async () => (await text(page, "result-admin")).startsWith("200"));
    assert.deepEqual(
      complaints.filter((line) => !refused(403).test(line)),
      [],
    );
  });

  await t.test("P15 another tab is signed in as the same user, and the two share their refreshes", async () => {
    const { page, complaints } = await open();
    const context = page.browserContext();
    const own = page.target();

    await press(page, "control-tab");
    const target = await context.waitForTarget((one) => one !== own && one.url() === `${server.auth}/`);
    const tab = await target.page();
    assert.ok(tab);
    await shows(tab, "state", "signed_in");
    assert.equal(await text(tab, "email"), await text(page, "email"));

    const shared = '[data-kind="refresh"][data-source="other_tab"]';
    await until(
      "a tab has a token of the other's",
      async () => (await rows(page, shared)) + (await rows(tab, shared)),
      { within: 2 * LIFE_MS + SLACK_MS },
    );
    await press(tab, "control-sign-out");
    await shows(tab, "state", "signed_out");
    await shows(page, "state", "signed_out");
    assert.deepEqual(complaints, []);
  });

  await t.test("P53 the demo's server gets nothing with a copied cookie, and the page goes on", async () => {
    const { page, complaints } = await open();

    await press(page, "control-steal");
    await until("it says so", async () => (await text(page, "result-steal")).startsWith("401 invalid_dpop_proof"));
    await press(page, "control-refresh");
    await until("it goes on", async () => (await text(page, "result-role")).startsWith("Renewed"));
    assert.deepEqual(complaints, []);
  });

  await t.test("P14 a session revoked from elsewhere ends within a life, and the page says why", async () => {
    const { page, complaints } = await open();

    await press(page, "control-revoke-self");
    await until("it is revoked", async () => (await text(page, "result-revoke-self")).startsWith("Revoked."));
    await shows(page, "state", "signed_out", LIFE_MS + SLACK_MS);

    await until("the notice says why", async () => (await text(page, "notice")).includes("This session was revoked."));
    assert.equal(await rows(page, '[data-kind="signed_out"][data-reason="revoked"]'), 1);
    assert.deepEqual(
      complaints.filter((line) => !refused(401).test(line)),
      [],
    );
  });

  await t.test("an account is deleted on a fresh sign-in, and every session of it is over", async () => {
    const { page, complaints } = await open();
    page.on("dialog", (dialog) => void dialog.accept());

    await press(page, "control-delete");
    await shows(page, "state", "signed_out");

    assert.deepEqual(complaints, []);
  });

  await t.test(
    "P08 an auth server that is down makes the page degraded, not signed out, until it is back",
    async () => {
      const { page, complaints } = await open();

      await press(page, "control-outage");
      await until("the banner is there", async () => (await text(page, "degraded")).startsWith("Degraded:"), {
        within: LIFE_MS + SLACK_MS,
      });
      await shows(page, "state", "signed_in");
      assert.ok(await rows(page, '[data-kind="refresh_failed"][data-status="503"]'));

      await endOutage(server);
      await press(page, "control-refresh");
      await until("the banner is gone", () =>
        page.$eval('[data-testid="degraded"]', (banner) => banner.checkVisibility() === false),
      );
      await shows(page, "state", "signed_in");
      assert.deepEqual(
        complaints.filter((line) => !refused(503).test(line)),
        [],
      );
    },
  );

  await t.test("P02 after an absence the first call waits for one refresh, and the page says so", async () => {
    const { page, network, complaints } = await open();

    await press(page, "control-away");
    await until("the page is left", () => page.url().includes("/away.html"));
    const before = network.refreshes().length;
    await until("the page is back", () => page.url() === `${server.auth}/`, { within: 2 * LIFE_MS + SLACK_MS });
    await shows(page, "state", "signed_in");

    await until("the call is told", () => rows(page, '[data-kind="call"][data-status="200"][data-blocking="true"]'));
    assert.equal(await rows(page, '[data-kind="refresh"][data-blocking="true"]'), 1);
    // The next one may follow soon: it is at the session's own moment, as if this one had come in time.
    const [, next = Number.POSITIVE_INFINITY] = network
      .refreshes()
      .slice(before)
      .map(({ sentAt }) => sentAt);
    const calls = network
      .to("/notes")
      .filter(({ sentAt }) => sentAt > (network.refreshes()[before]?.sentAt ?? Number.NaN));
    assert.ok(calls[0] && calls[0].sentAt < next, `${calls[0]?.sentAt} ${next}`);
    await until("the notice tells of it", async () => (await text(page, "notice")).includes("Welcome back."));
    assert.deepEqual(complaints, []);
  });

  await t.test("the sign-up form shows errors, and its account signs in again", async () => {
    const { page, complaints } = await visit(await browser.createBrowserContext(), server);
    const email = `visitor-${Date.now()}@example.org`;
    await page.type('[data-testid="auth-email"]', email);
    await page.type('[data-testid="auth-password"]', "short");
    await press(page, "auth-submit");
    await until("the refusal is told", () => text(page, "auth-error"));
    await page.type('[data-testid="auth-password"]', " but long enough");
    await press(page, "auth-submit");
    await shows(page, "state", "signed_in");
    assert.equal(await text(page, "email"), email);

    await press(page, "control-sign-out");
    await shows(page, "state", "signed_out");
    await press(page, "mode-sign-in");
    await page.$eval('[data-testid="auth-form"]', (form) => form instanceof HTMLFormElement && form.reset());
    await page.type('[data-testid="auth-email"]', email);
    await page.type('[data-testid="auth-password"]', "short but long enough");
    await press(page, "auth-submit");

    await shows(page, "state", "signed_in");
    assert.deepEqual(
      complaints.filter((line) => !refused(400).test(line) && !refused(422).test(line)),
      [],
    );
  });
});

test("the demo page asks for a new sign-in if the last one is too old to delete the account", async (t) => {
  const settings = { SITE_DIR: SITE, RECENT_SIGN_IN_SECONDS: "1" };
  const [server, browser] = await Promise.all([startServer(t, settings), launchBrowser(t)]);
  const { page, network, complaints } = await openDemo(await browser.createBrowserContext(), server);
  page.on("dialog", (dialog) => void dialog.accept());

  const signedUp = Date.now();
  await until("the sign-in is old", () => Date.now() - signedUp > 2_100);
  await press(page, "control-delete");
  await until("the page asks", () => page.$eval('[data-testid="step-up"]', (dialog) => dialog.hasAttribute("open")));
  await press(page, "step-up-cancel");
  await until("the page says so", async () =>
    (await text(page, "result-delete")).startsWith("401: you signed in too long ago"),
  );

  await shows(page, "state", "signed_in");
  // Another token would be rejected too: the call is not retried.
  assert.equal(network.to("/account").filter(({ method }) => method === "DELETE").length, 1);
  assert.deepEqual(
    complaints.filter((line) => !refused(401).test(line)),
    [],
  );
});
