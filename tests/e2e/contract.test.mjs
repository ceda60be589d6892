import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { CASES as CALLS } from "../contract/calls.mjs";
import { CASES as SESSIONS } from "../contract/session.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** The files of cases, with their cases. */
const FILES = /** @type {const} */ ([
  ["session.mjs", SESSIONS],
  ["calls.mjs", CALLS],
]);

test("the real session keeps the contract", (t) => playAll(t, "the real session", "0"));

// As in Lockdown Mode: there is no such global, and the module's translation is loaded.
test("a session without WebAssembly keeps the contract", (t) =>
  playAll(t, "a session without WebAssembly", "delete globalThis.WebAssembly"));

/**
 * Plays every case on a page of its own.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} who
 * @param {string} before is run on each page before the package is loaded
 */
async function playAll(t, who, before) {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  await cp(join(root, "tests", "contract"), join(server.env.SITE_DIR ?? "", "contract"), { recursive: true });

  for (const [file, cases] of FILES) {
    for (const [place, { title, expected }] of cases.entries()) {
      await t.test(`${who} keeps the contract: ${title}`, async (t) => {
        const context = await browser.createBrowserContext();
        t.after(() => context.close());
        const { page } = await openPage(context, server);
        await page.evaluate(before);

        const seen = await page.evaluate(runCase, `/contract/${file}`, place, server.auth, newUser());

        assert.deepEqual(seen, expected);
      });
    }
  }
}

/**
 * Runs on the page: creates the world of the real session, and plays one case in it.
 *
 * @param {string} file
 * @param {number} place
 * @param {string} auth
 * @param {import("./harness/page.mjs").Credentials} user
 */
async function runCase(file, place, auth, user) {
  /** @type {{ CASES: import("../contract/session.mjs").Case[] }} */
  const { CASES } = await import(file);
  /** @type {typeof import("../contract/world.mjs")} */
  const { Api } = await import(/** @type {string} */ ("/contract/world.mjs"));
  const api = new Api();
  const native = window.fetch;
  // The APIs are stubs of the case; the auth server is the real one.
  window.fetch = (input, init) => (api.isFor(input) ? api.fetch(input, init) : native(input, init));
  window.addEventListener("error", (event) => event.preventDefault());
  /** @type {typeof import("nolapse")} */
  const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
  const session = /** @type {import("../contract/world.mjs").Session} */ (
    createSession({ auth, allowedOrigins: [api.listed] })
  );
  await session.ready;
  const headers = { "content-type": "application/json", "nolapse-version": "1" };
  /** @param {string} lever @param {object} order */
  const pull = async (lever, order) => {
    const answer = await native(`/demo/${lever}`, { method: "POST", headers, body: JSON.stringify(order) });
    if (!answer.ok) throw new Error(`${lever}: ${answer.status} ${await answer.text()}`);
  };
  /** @type {import("../contract/world.mjs").World} */
  const world = {
    session,
    api,
    signUp: () =>
      session.signIn(() => native("/auth/sign-up", { method: "POST", headers, body: JSON.stringify(user) })),
    pass: async (seconds) => {
      const { now } = Date;
      Date.now = () => now() + seconds * 1_000;
    },
    outage: (isOut) => pull("outage", isOut ? { seconds: 300, kind: "503", retry_after: "0" } : { seconds: 0 }),
    revoke: async () => {
      const { status } = session;
      if (status.state === "signed_in") await pull("session", { session_id: status.sessionId, change: "revoke" });
    },
  };
  return CASES[place]?.run(world);
}
