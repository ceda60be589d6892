import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { signUp } from "./auth.mjs";
import { importServer } from "./package.mjs";
import { startPair } from "./pair.mjs";

const SECRET = randomBytes(32).toString("base64");
/** How many sessions are revoked at each server. */
const SESSIONS = 20;
/** The most lines of the recipe in Python, blank ones not counted. */
const MAX_LINES = 40;

/** Waits for an API to ask the feed, as Python's recipe is asked. */
const ASKING = `
import sys
feed = Revocations(sys.argv[1], sys.argv[2])
for line in sys.stdin:
    claims = json.loads(line)
    print(json.dumps([feed.live, feed.is_revoked(claims)]), flush=True)
`;

/**
 * Creates a verifier behind a server, as an API has one.
 *
 * @param {import("node:test").TestContext} t
 * @param {import("../e2e/harness/server.mjs").Server} issuer
 * @param {import("../e2e/harness/server.mjs").Server} server
 */
async function startApi(t, issuer, server) {
  const { createVerifier } = await importServer(t);
  const verifier = createVerifier({
    issuer: issuer.auth,
    audience: issuer.api,
    jwks: `${server.auth}/.well-known/jwks.json`,
    revocations: { secret: SECRET, url: `${server.auth}/auth/revocations` },
  });
  t.after(() => verifier.close());
  /** @param {string} token */
  const judge = (token) =>
    verifier.verify(token).then(
      () => "accepted",
      ({ code }) => code,
    );
  await until("the feed is live", () => verifier.live().live);
  return { verifier, judge };
}

/** @param {string} token @returns {{ sid: string, sub: string, iat: number }} */
function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** @param {string} token */
function revokedAs(token) {
  return { session_id: claimsOf(token).sid, change: "revoke" };
}

/** @param {import("node:test").TestContext} t @param {readonly number[]} took */
function report(t, took) {
  const sorted = [...took].sort((a, b) => a - b);
  /** @param {number} share */
  const at = (share) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  t.diagnostic(`revoked → refused: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms of ${sorted.length}`);
}

test("P14 P56 a session revoked at one server is refused by nolapse/server behind either", async (t) => {
  const servers = await startPair(t, { SERVER_SECRETS: SECRET });
  const [first] = servers;
  assert.ok(first);
  const apis = await Promise.all(servers.map((server) => startApi(t, first, server)));
  const other = await signUp(first);
  const took = [];
  for (let turn = 0; turn < SESSIONS; turn++) {
    const { token } = await signUp(first);
    for (const { judge } of apis) assert.equal(await judge(token), "accepted");
    const begun = performance.now();
    await servers[turn % 2]?.pull("session", revokedAs(token));
    for (const { judge } of apis)
      await until("the token is refused", async () => (await judge(token)) === "revoked", { every: 2 });
    took.push(performance.now() - begun);
  }
  report(t, took);
  for (const { judge } of apis) assert.equal(await judge(other.token), "accepted");
});

test("P56 an auth server that was killed costs nolapse/server no call, and no revocation once it is back", async (t) => {
  const server = await startServer(t, { SERVER_SECRETS: SECRET });
  const { verifier, judge } = await startApi(t, server, server);
  const [first, second, third] = [await signUp(server), await signUp(server), await signUp(server)];
  await server.pull("session", revokedAs(first.token));
  await until("the first is refused", async () => (await judge(first.token)) === "revoked");

  await server.kill();
  await until("the loss is seen", () => !verifier.live().live);
  const { live, since } = verifier.live();
  assert.ok(!live && since !== null && Date.now() - since < 60_000);
  await server.command(["sessions", "revoke", claimsOf(second.token).sid]);
  assert.deepEqual(
    [await judge(first.token), await judge(second.token), await judge(third.token)],
    ["revoked", "accepted", "accepted"],
  );
  await server.start();

  await until("what was missed has come", async () => (await judge(second.token)) === "revoked", { within: 30_000 });
  await until("the feed is live again", () => verifier.live().live);
  assert.equal(await judge(third.token), "accepted");
  await server.command(["users", "delete", third.email, "--yes"]);
  await until("a deleted user is refused", async () => (await judge(third.token)) === "revoked");
});

test("P56 the recipe in Python knows what was revoked, over a restart of the auth server", async (t) => {
  const server = await startServer(t, { SERVER_SECRETS: SECRET });
  const ask = await startPython(t, [`${server.auth}/auth/revocations`, SECRET]);
  const users = [await signUp(server), await signUp(server), await signUp(server)];
  const [first, second, third] = users.map(({ token }) => claimsOf(token));
  assert.ok(first && second && third);
  await until("the feed is live", async () => (await ask(first))[0]);
  await server.command(["sessions", "revoke", first.sid]);
  await until("the session is revoked", async () => (await ask(first))[1]);
  assert.deepEqual(await ask(second), [true, false]);

  await server.kill();
  await until("the loss is seen", async () => !(await ask(first))[0]);
  await server.command(["users", "disable", users[1]?.email ?? ""]);
  assert.deepEqual(
    [await ask(first), await ask(second)],
    [
      [false, true],
      [false, false],
    ],
  );
  await server.start();

  await until("the user is revoked", async () => (await ask(second))[1], { within: 30_000 });
  await until("the feed is live again", async () => (await ask(second))[0]);
  assert.deepEqual(await ask(third), [true, false]);
  assert.deepEqual(await ask({ ...second, sid: "another", iat: second.iat + 600 }), [true, false]);
});

/**
 * Runs the recipe of `docs/apis.md`, and returns a function that asks it about claims.
 *
 * @param {import("node:test").TestContext} t
 * @param {readonly string[]} words
 */
async function startPython(t, words) {
  const document = await readFile(join(root, "docs", "apis.md"), "utf8");
  const [, recipe = ""] = /^```python revocations\n([\s\S]*?)^```$/m.exec(document) ?? [];
  const lines = recipe.split("\n").filter((line) => line.trim() !== "");
  assert.ok(lines.length > 0 && lines.length <= MAX_LINES, `${lines.length} lines`);
  const folder = await mkdtemp(join(tmpdir(), "nolapse-python-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "recipe.py"), recipe + ASKING);
  const child = spawn("python3", ["recipe.py", ...words], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const missing = new Promise((_, reject) =>
    child.once("error", (cause) =>
      reject(new Error("python3 does not start: install Python 3, then run this again", { cause })),
    ),
  );
  t.after(() => child.kill());
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** @param {object} claims @returns {Promise<[boolean, boolean]>} whether the feed is live, and whether the claims are revoked */
  return async (claims) => {
    child.stdin.write(`${JSON.stringify(claims)}\n`);
    const { value } = await /** @type {Promise<IteratorResult<string>>} */ (Promise.race([answers.next(), missing]));
    return JSON.parse(value);
  };
}
