import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { startPostgres } from "../apis/postgres.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { startProvider } from "./provider.mjs";
import { NAME, post, refresh, settings, signIn, startScene } from "./scene.mjs";

/** Clients of one session, as ten tabs are that share its cookie. */
const CLIENTS = 10;
/** Rounds for each database; in each, the provider is asked once for each client. */
const ROUNDS = Number(process.env.NOLAPSE_ROUNDS ?? 50);

/** What no server of these tests limits. */
const UNLIMITED = { REFRESHES_PER_MINUTE: "0", CONNECTIONS_PER_ADDRESS: "0" };

/**
 * Lets ten clients refresh at once in each round, at both servers, with a provider that rotates without grace.
 *
 * @param {import("node:test").TestContext} t
 * @param {string | undefined} url of the database; without one, SQLite
 */
async function play(t, url) {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-providers-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  // No token is said to live: each client has to ask the provider, and all of them at once, with one refresh token.
  const op = await startProvider({ authServer: `http://localhost:${port}`, name: NAME, saidSeconds: 0 });
  t.after(() => op.stop());
  const oidc = settings(op.issuer, { MODE: "mediate" });
  const env = {
    ...oidc,
    ...UNLIMITED,
    DATABASE_URL: url ?? `sqlite://${join(folder, "nolapse.sqlite")}`,
    KEY_FILE: join(folder, "nolapse.keys"),
  };
  const first = await startServer(t, { ...env, PORT: `${port}` });
  const names = { ISSUER: first.auth, AUDIENCE: first.api, ALLOWED_ORIGINS: first.auth };
  const second = await startServer(t, { ...env, ...names });
  let asked = 0;
  op.provider.on("grant.success", () => asked++);
  const { jar } = await signIn(first);
  const origin = { auth: first.auth };
  const tokens = new Set();
  for (let round = 0; round < ROUNDS; round++) {
    const held = jar.copy();
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, number) => {
        const [server, own] = [number % 2 === 0 ? first : second, number === 0 ? jar : held.copy()];
        const at = { auth: server.auth };
        const copy = own.as(origin.auth, at.auth);
        const headers = { origin: first.auth, "nolapse-version": "1", "content-type": "application/json" };
        const body = JSON.stringify({ reason: "timer", page: "visible", active_ago: 0 });
        const response = await fetch(`${at.auth}/auth/refresh`, {
          method: "POST",
          body,
          headers: { ...headers, cookie: copy.header(at.auth) },
        });
        if (number === 0) jar.take(first.auth, response);
        return { status: response.status, body: await response.json() };
      }),
    );
    for (const { status, body } of answers) {
      assert.equal(status, 200, `round ${round}: ${JSON.stringify(body)}`);
      tokens.add(body.access_token);
    }
  }
  assert.deepEqual(op.refused, []);
  assert.equal((await refresh(first, jar)).status, 200);
  t.diagnostic(`${ROUNDS} rounds of ${CLIENTS}: the provider was asked ${asked} times, for ${tokens.size} tokens`);
  assert.ok(asked > ROUNDS * CLIENTS, `the provider was asked ${asked} times`);
}

test("P51 ten clients at two servers against a provider that rotates, on SQLite", (t) => play(t, undefined));

test("P51 ten clients at two servers against a provider that rotates, on PostgreSQL", async (t) => {
  const postgres = await startPostgres(t);
  await play(t, postgres.url);
});

test("a mediated session has the provider's token, and outlives the provider's absence", async (t) => {
  const { op, server } = await startScene(t, {
    oidc: { MODE: "mediate" },
    env: UNLIMITED,
    provider: { accessTokenSeconds: 2 },
  });
  const { jar } = await signIn(server);
  const first = await refresh(server, jar);
  assert.equal(first.status, 200);
  assert.ok(first.body.expires_in <= 2);
  const token = await op.provider.AccessToken.find(first.body.access_token);
  assert.equal(token?.accountId, "ada");

  const port = new URL(op.issuer).port;
  await op.stop();
  let away = await refresh(server, jar);
  while (away.status === 200) away = await refresh(server, jar);
  assert.deepEqual([away.status, away.body.error], [503, "unavailable"]);
  const { provider } = op;
  const { createServer } = await import("node:http");
  const back = createServer(provider.callback()).listen(Number(port), "127.0.0.1");
  t.after(() => back.close());
  const later = await refresh(server, jar);
  assert.equal(later.status, 200, JSON.stringify(later.body));
  assert.deepEqual(op.refused, []);

  // What the provider revokes for good ends the session, with a reason.
  const grant = await provider.AccessToken.find(later.body.access_token);
  await provider.RefreshToken.revokeByGrantId(grant?.grantId ?? "");
  let ended = await refresh(server, jar, "force");
  while (ended.status === 200) ended = await refresh(server, jar, "force");
  assert.deepEqual([ended.status, ended.body.error, ended.body.reason], [401, "session_ended", "revoked"]);
  assert.equal((await post(server, jar, "/auth/sign-out")).status, 204);
});
