import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

const AUTH = '"https://auth.example.com"';

/** Options that make no sense, as source text, and the name that the error gives. @type {[string, string][]} */
const WRONG = [
  ["undefined", "options"],
  ["null", "options"],
  ['"https://auth.example.com"', "options"],
  ["{}", "auth"],
  ['{ auth: "" }', "auth"],
  ['{ auth: "auth.example.com" }', "auth"],
  ['{ auth: "/auth" }', "auth"],
  ['{ auth: "http://auth.example.com" }', "auth"],
  ['{ auth: "ftp://auth.example.com" }', "auth"],
  ['{ auth: "javascript:alert(1)" }', "auth"],
  ['{ auth: "data:text/plain,x" }', "auth"],
  ['{ auth: "https://user:word@auth.example.com" }', "auth"],
  ['{ auth: "https://auth.example.com?x=1" }', "auth"],
  ["{ auth: 7 }", "auth"],
  ["{ auth: () => {} }", "auth"],
  ["{ auth: {} }", "auth.refresh"],
  ["{ auth: { refresh: 7 } }", "auth.refresh"],
  ['{ auth: { refresh: "http://auth.example.com/refresh" } }', "auth.refresh"],
  ['{ auth: { refresh: "//auth.example.com/refresh" } }', "auth.refresh"],
  ["{ auth: { refresh: async () => ({}), signOut: 7 } }", "auth.signOut"],
  ["{ auth: { refresh: async () => ({}), extra: 1 } }", "auth.extra"],
  ["{ auth: { refresh: async () => ({}) } }", "storageKey"],
  [`{ auth: ${AUTH}, authorization: "sometimes" }`, "authorization"],
  [`{ auth: ${AUTH}, remember: {} }`, "remember"],
  [`{ auth: ${AUTH}, allowedOrigins: "https://api.example.com" }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["*"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: [""] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["https://*.example.com"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["http://api.example.com"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["http://localhost.example.com"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["https://api.example.com/v1"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["https://a.example.com https://b.example.com"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: ["null"] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, allowedOrigins: [7] }`, "allowedOrigins"],
  [`{ auth: ${AUTH}, timeoutMs: -1 }`, "timeoutMs"],
  [`{ auth: ${AUTH}, timeoutMs: 999 }`, "timeoutMs"],
  [`{ auth: ${AUTH}, timeoutMs: 60_001 }`, "timeoutMs"],
  [`{ auth: ${AUTH}, timeoutMs: NaN }`, "timeoutMs"],
  [`{ auth: ${AUTH}, timeoutMs: "10000" }`, "timeoutMs"],
  [`{ auth: ${AUTH}, storageKey: "" }`, "storageKey"],
  [`{ auth: ${AUTH}, storageKey: 7 }`, "storageKey"],
  [`{ auth: ${AUTH}, storageKey: "a\\nb" }`, "storageKey"],
  [`{ auth: ${AUTH}, push: "yes" }`, "push"],
  [`{ auth: ${AUTH}, push: null }`, "push"],
  ['{ auth: { refresh: "/auth/refresh" }, push: true }', "push"],
  ['{ auth: { refresh: async () => ({}) }, storageKey: "own", push: true }', "push"],
  [`{ auth: ${AUTH}, api: [] }`, "api"],
];

/** Valid options. */
const RIGHT = [
  `{ auth: ${AUTH} }`,
  `{ auth: new URL(${AUTH}), allowedOrigins: [new URL("https://api.example.com")] }`,
  '{ auth: "https://example.com/id/" }',
  '{ auth: "http://localhost:8787", allowedOrigins: ["http://127.0.0.1:1", "http://[::1]:2", "http://a.localhost"] }',
  '{ auth: { refresh: "/auth/refresh" } }',
  '{ auth: { refresh: async () => ({}), signOut: async () => {} }, storageKey: "own" }',
  `{ auth: ${AUTH}, allowedOrigins: undefined, storageKey: undefined, timeoutMs: undefined }`,
  `{ auth: ${AUTH}, storageKey: "main", timeoutMs: 60_000 }`,
  `{ auth: ${AUTH}, push: true }`,
  '{ auth: { refresh: "/auth/refresh" }, push: false }',
];

test("wrong options are refused by name, right ones are not", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);
  /** @param {string} options */
  const create = (options) =>
    page.evaluate(`import("/nolapse/index.js").then(({ createSession, isSessionError }) => {
      try {
        createSession(${options}).close();
      } catch (error) {
        return [isSessionError(error, "misconfigured"), error.code, error.option];
      }
    })`);

  for (const [options, name] of WRONG) {
    assert.deepEqual(await create(options), [true, "misconfigured", name], options);
  }
  for (const options of RIGHT) assert.equal(await create(options), undefined, options);
  assert.deepEqual(network.refreshes(), []);
});

test("P36 the same session created twice is one, until both were closed", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);

  const seen = await page.evaluate(async (auth) => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const [one, two] = [createSession({ auth }), createSession({ auth })];
    await one.setTokens({ access_token: "a.b.c", expires_in: 60, session: { id: "s", user: { id: "u" } } });
    const same = one.status === two.status;
    one.close();
    one.close();
    const closed = await one.getToken().catch((error) => error.code);
    const open = await two.getToken();
    two.close();
    const last = await two.getToken().catch((error) => error.code);
    const closedAt = performance.now();
    let locks = 1;
    // The lock of an early refresh is granted and released later.
    while (locks > 0 && performance.now() - closedAt < 5_000) {
      const { held = [], pending = [] } = await navigator.locks.query();
      locks = held.length + pending.length;
    }
    return { same, closed, open, last, locks };
  }, server.auth);

  assert.deepEqual(seen, { same: true, closed: "closed", open: "a.b.c", last: "closed", locks: 0 });
});

test("P32 listeners may throw and call back in", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);

  const seen = await page.evaluate(async (auth) => {
    /** @type {typeof import("nolapse")} */
    const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
    const session = createSession({ auth });
    await session.ready;
    /** @type {string[]} */
    const reported = [];
    window.addEventListener("error", (event) => {
      reported.push(event.message);
      event.preventDefault();
    });
    /** @type {string[]} */
    const states = [];
    session.subscribe(() => {
      throw new Error("a listener's own");
    });
    session.subscribe(({ state }) => {
      states.push(state);
      void session.getToken().catch(() => undefined);
      session.trace();
    });
    session.on("refresh", () => session.close());
    const outcome = await session
      .setTokens({ access_token: "a.b.c", expires_in: 60, session: { id: "s", user: { id: "u" } } })
      .then(
        () => "signed in",
        (error) => error.code,
      );
    return { states, outcome, reported: reported.length };
  }, server.auth);

  assert.equal(seen.states[0], "signed_out");
  assert.match(seen.outcome, /^(signed in|closed)$/);
  assert.ok(seen.reported >= 1);
});

test("an app's own refresher is called in place of the protocol, and can end the session", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);

  const seen = await page.evaluate(async () => {
    /** @type {typeof import("nolapse")} */
    const { createSession, SessionEnded } = await import(/** @type {string} */ ("/nolapse/index.js"));
    let calls = 0;
    const session = createSession({
      auth: {
        refresh: async ({ reason, signal }) => {
          calls++;
          if (calls === 1) return { access_token: "own.1", expires_in: 60, session: { id: "s", user: { id: 7 } } };
          if (calls === 2) throw new Error("passing");
          throw new SessionEnded(reason === "force" && !signal.aborted ? "idle" : "expired");
        },
      },
      storageKey: "own-refresher",
    });
    await session.ready;
    await session.refresh({ force: true });
    const token = await session.getToken();
    const passing = await session.refresh({ force: true }).catch((error) => [error.code, error.failure]);
    const still = session.status.state;
    const ended = await session.refresh({ force: true }).catch((error) => [error.code, error.reason]);
    return { token, passing, still, ended };
  });

  assert.deepEqual(seen, {
    token: "own.1",
    passing: ["unreachable", "refresher_failed"],
    still: "signed_in",
    ended: ["signed_out", "idle"],
  });
  assert.deepEqual(network.to("/auth/refresh"), []);
});
