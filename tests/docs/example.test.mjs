import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { transform } from "esbuild";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { newUser, openPage } from "../e2e/harness/page.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { readDocument } from "./documents.mjs";

/** The most lines that "twenty lines" may have, without blank ones. */
const MOST_LINES = 20;

/** What the README's example exports. @typedef {{ session: import("nolapse").Session<{ email: string }>, signIn: (email: string, password: string) => Promise<void>, notes: () => Promise<unknown> }} Example */

const readme = await readDocument("README.md");
const example = readme.snippets.find(({ language }) => language === "ts")?.text ?? "";

test("the README's example is short", () => {
  const lines = example.split("\n").filter((line) => line.trim() !== "");

  assert.ok(lines.length > 0 && lines.length <= MOST_LINES, `${lines.length} lines`);
});

test("the README's example, run as it is in Chromium, signs in and fetches with a token", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);
  const { email, password } = newUser();
  const program = example
    .replaceAll('"nolapse"', '"/nolapse/index.js"')
    .replaceAll("https://auth.example.com", server.auth)
    .replaceAll("https://api.example.com", server.api);
  const { code } = await transform(program, { loader: "ts", format: "esm" });
  await writeFile(join(server.env.SITE_DIR ?? "", "example.js"), code);
  await signUpElsewhere(server, { email, password });

  const seen = await page.evaluate(
    async (address, email, password) => {
      /** @type {Example} */
      const { session, signIn, notes } = await import(address);
      await session.ready;
      const before = session.status.state;
      await signIn(email, password);
      return { before, status: session.status, notes: await notes() };
    },
    "/example.js",
    email,
    password,
  );

  assert.equal(seen.before, "signed_out");
  assert.ok(seen.status.state === "signed_in" && seen.status.user.email === email);
  assert.deepEqual(seen.notes, { notes: [] });
  const call = network.toOrigin(server.api).find(({ method, path }) => method === "GET" && path === "/notes");
  assert.match(call?.headers.authorization ?? "", /^Bearer ./);
});

/**
 * Creates an account without the browser, which then has no cookie of it.
 *
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {import("../e2e/harness/page.mjs").Credentials} credentials
 */
async function signUpElsewhere(server, credentials) {
  const headers = { "content-type": "application/json", "nolapse-version": "1", origin: server.auth };
  const answer = await fetch(`${server.auth}/auth/sign-up`, {
    method: "POST",
    headers,
    body: JSON.stringify(credentials),
  });
  assert.equal(answer.status, 200);
}
