import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "../e2e/harness/until.mjs";
import { call, measure, percentile, readLive, signInTwice, startApis } from "./revoked-apis.mjs";

/** How many sessions are revoked. */
const SESSIONS = 20;

test("P14 P56 what either of two auth servers on PostgreSQL revokes is refused within a second by Rust, Express and FastAPI", async (t) => {
  const scene = await startApis(t);
  /** @type {number[][]} */
  const rounds = [];
  for (let turn = 0; turn < SESSIONS; turn++) rounds.push(await measure(scene, turn));
  for (const [column, { name }] of scene.apis.entries()) {
    const took = rounds.map((round) => round[column] ?? Number.NaN);
    const [p50, p95, most] = [0.5, 0.95, 1].map((share) => percentile(took, share));
    t.diagnostic(`${name}: p50 ${p50?.toFixed(0)} ms, p95 ${p95?.toFixed(0)} ms, max ${most?.toFixed(0)} ms`);
    assert.ok((p95 ?? Number.NaN) <= 1_000, `${name}: p95 ${p95} ms`);
  }

  await t.test("P56 while the database is away, all three accept what they cannot know, and it is said", async () => {
    const { token, revoke } = await signInTwice(scene);
    await scene.postgres.stop();
    const { verifier, servers, apis } = scene;
    await until("live() says it", () => !verifier.live().live, { within: 30_000 });
    await until("the metrics say it", async () => `${await readLive(servers)}` === "0,0", { within: 30_000 });
    for (const api of apis) assert.equal(await call(api, token), 200, api.name);

    await scene.postgres.start();
    await until("the feed is live again", scene.isLive, { within: 30_000 });
    await revoke(/** @type {import("../e2e/harness/server.mjs").Server} */ (servers[1]));
    for (const api of apis) await until(`${api.name} refuses`, async () => (await call(api, token)) === 401);
  });
});
