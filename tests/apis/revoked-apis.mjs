/** Three APIs that follow the revocations of two auth servers on one PostgreSQL, and how soon they refuse. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { until } from "../e2e/harness/until.mjs";
import { signIn } from "./auth.mjs";
import { newBrowser } from "./jar.mjs";
import { importServer } from "./package.mjs";
import { startPair } from "./pair.mjs";
import { startPostgres } from "./postgres.mjs";
import { runPython } from "./python.mjs";
import { runRecipe } from "./running.mjs";

/** How often an API is called with a token that may be revoked: one call after another, a millisecond between. */
const EVERY_MS = 1;
/** How long a wait may take: longer than a token lives. */
const PATIENCE_MS = 90_000;

/** Sign-ins are not what is measured: the quickest hash, and no limit. */
const QUICK = { PASSWORD_MEMORY_KIB: "64", PASSWORDS_PER_ACCOUNT: "0" };

/** @typedef {{ name: string, url: string }} Api */
/** @typedef {Awaited<ReturnType<typeof startApis>>} Scene */

/**
 * Starts two auth servers and three APIs: Rust's, which is in the second auth server; Express with `nolapse/server`, which
 * follows the first; FastAPI with PyJWT, which follows the second. A verifier in this process follows the first, too.
 *
 * @param {import("node:test").TestContext} t
 */
export async function startApis(t) {
  const secret = randomBytes(32).toString("base64");
  const postgres = await startPostgres(t);
  const servers = await startPair(t, { ...QUICK, DATABASE_URL: postgres.url, SERVER_SECRETS: secret });
  const [{ auth, api }, second] = servers;

  const express = await runRecipe(t, "express", { auth, api, revocations: { secret } });
  const feed = { url: `${second.auth}/auth/revocations`, secret };
  const fastapi = await runPython(t, "fastapi", "pyjwt", { auth, api, feed });
  /** @type {readonly Api[]} */
  const apis = [
    { name: "Rust, reference API", url: `${second.api}/me` },
    { name: "Express, nolapse/server", url: express },
    { name: "FastAPI, PyJWT", url: fastapi },
  ];
  const { createVerifier } = await importServer(t);
  const verifier = createVerifier({ issuer: auth, audience: api, revocations: { secret } });
  t.after(() => verifier.close());
  const isLive = async () => verifier.live().live && (await readLive(servers)).every((live) => live === 1);
  await until("the feed is live", isLive, { within: PATIENCE_MS });
  const scene = { servers, apis, postgres, verifier, isLive };
  // The feeds of the two programs: what they refuse, they have heard.
  await measure(scene, 0);
  return scene;
}

/**
 * Signs in on two devices and returns what is needed to call as one, and to revoke it by a request of the other.
 *
 * @param {{ servers: readonly import("../e2e/harness/server.mjs").Server[] }} scene
 */
export async function signInTwice({ servers: [first] }) {
  assert.ok(first);
  const device = await newBrowser(first.auth);
  const { token } = await signIn(first, device);
  const { sid } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  /** @param {import("../e2e/harness/server.mjs").Server} server */
  const revoke = async (server) => {
    const headers = { "nolapse-version": "1", origin: first.auth, cookie: device.header() };
    const response = await fetch(`${server.auth}/auth/sessions/${sid}`, { method: "DELETE", headers });
    assert.equal(response.status, 204);
  };
  return { token, sid: `${sid}`, revoke };
}

/**
 * Revokes a session, and waits until each API refuses its token.
 *
 * @param {Pick<Scene, "servers" | "apis">} scene
 * @param {number} turn even ones are revoked at the first auth server, the others at the second
 * @returns {Promise<number[]>} for each API the milliseconds from the request that revokes to the first refusal
 */
export async function measure({ servers, apis }, turn) {
  const server = servers[turn % servers.length];
  assert.ok(server);
  const { token, revoke } = await signInTwice({ servers });
  for (const api of apis) assert.equal(await call(api, token), 200, api.name);
  const begun = performance.now();
  const refusals = apis.map((api) => refusedAt(api, token));
  const [, ...ends] = await Promise.all([revoke(server), ...refusals]);
  return ends.map((end) => end - begun);
}

/**
 * Calls an API until it refuses.
 *
 * @param {Api} api
 * @param {string} token
 * @returns {Promise<number>} when the response was here, on the clock of `performance.now()`
 */
export async function refusedAt(api, token) {
  await until(`${api.name} refuses`, async () => (await call(api, token)) === 401, {
    within: PATIENCE_MS,
    every: EVERY_MS,
  });
  return performance.now();
}

/**
 * @param {Api} api
 * @param {string} token
 * @returns {Promise<200 | 401>}
 * @throws Error where the API answers neither
 */
export async function call({ name, url }, token) {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  if (response.status !== 200 && response.status !== 401) throw new Error(`${name}: ${response.status} ${text}`);
  return response.status;
}

/**
 * Reads from the metrics whether revocations arrive at each server.
 *
 * @param {readonly import("../e2e/harness/server.mjs").Server[]} servers
 * @returns {Promise<number[]>} 1 for each where they do
 */
export function readLive(servers) {
  return Promise.all(
    servers.map(async ({ env }) => {
      const text = await (await fetch(`http://127.0.0.1:${env.METRICS_PORT}/metrics`)).text();
      return Number(/^nolapse_revocations_live (\d)$/m.exec(text)?.[1]);
    }),
  );
}

/**
 * A share of the values is not above this one.
 *
 * @param {readonly number[]} values
 * @param {number} share
 */
export function percentile(values, share) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
