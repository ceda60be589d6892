/**
 * Prints how soon three APIs behind two auth servers on one PostgreSQL refuse what was revoked, and what they do without the
 * feed: while the database is away, and with both auth servers killed.
 */

import { call, measure, percentile, readLive, refusedAt, signInTwice, startApis } from "../apis/revoked-apis.mjs";
import { until } from "../e2e/harness/until.mjs";
import { staged, table } from "./scene.mjs";

const SESSIONS = Number(process.argv[2] ?? 1_000);
/** How often each API is called while the feed is lost. */
const CALLS = 100;
/** The promises: with the feed at p99, and without it. */
const MOST_MS = 1_000;
const LIFE_MS = 60_000;
/** How long the loss may take to be seen, and the feed to come back. */
const SEEN = { within: 60_000 };

/** @typedef {import("../apis/revoked-apis.mjs").Scene} Scene */

await staged(async (test) => {
  const scene = await startApis(test);
  const late = await playRevocations(scene);
  await playDatabaseAway(scene);
  return [...late, ...(await playServersKilled(scene))];
});

/** @param {Scene} scene @returns {Promise<string[]>} what came too late */
async function playRevocations(scene) {
  /** @type {number[][]} */
  const rounds = [];
  for (let turn = 0; turn < SESSIONS; turn++) rounds.push(await measure(scene, turn));
  const late = [];
  const rows = [["revoke → refused, ms", "p50", "p99", "max", "sessions"]];
  for (const [column, { name }] of scene.apis.entries()) {
    const took = rounds.map((round) => round[column] ?? Number.NaN);
    const [p50 = Number.NaN, p99 = Number.NaN, most = Number.NaN] = [0.5, 0.99, 1].map((at) => percentile(took, at));
    rows.push([name, ...[p50, p99, most].map((value) => value.toFixed(0)), `${took.length}`]);
    if (!(p99 <= MOST_MS)) late.push(`${name}: p99 ${p99.toFixed(0)} ms`);
  }
  console.log(table(rows));
  return late;
}

/** @param {Scene} scene */
async function playDatabaseAway({ servers, apis, postgres, verifier, isLive }) {
  const { token } = await signInTwice({ servers });
  const begun = performance.now();
  await postgres.stop();
  await until("live() says it", () => !verifier.live().live, SEEN);
  const told = performance.now() - begun;
  await until("the metrics say it", async () => `${await readLive(servers)}` === "0,0", SEEN);
  const passed = await countPassed(apis, token);
  console.log(`the database away: ${passed}; live() said so after ${told.toFixed(0)} ms, and the metrics do`);
  await postgres.start();
  await until("the feed is live again", isLive, SEEN);
}

/** @param {Scene} scene @returns {Promise<string[]>} what came too late */
async function playServersKilled({ servers, apis, verifier }) {
  // The reference API is a part of the auth server.
  const others = apis.slice(1);
  const { token, sid } = await signInTwice({ servers });
  for (const api of others) await call(api, token);
  await Promise.all(servers.map((server) => server.kill()));
  await until("live() says it", () => !verifier.live().live, SEEN);
  await servers[0]?.command(["sessions", "revoke", sid]);
  const begun = performance.now();
  console.log(
    `both auth servers killed, the session revoked by a command: ${await countPassed(others, token)}; live() says so`,
  );
  const took = await Promise.all(others.map(async (api) => (await refusedAt(api, token)) - begun));
  const seconds = others.map(({ name }, i) => `${name} after ${((took[i] ?? Number.NaN) / 1_000).toFixed(1)} s`);
  console.log(`… refused when the token ended: ${seconds.join(", ")}`);
  return took.every((value) => value <= LIFE_MS) ? [] : [`without the feed: ${seconds.join(", ")}`];
}

/**
 * Calls each API with a token, and counts what passes.
 *
 * @param {Scene["apis"]} apis
 * @param {string} token
 */
async function countPassed(apis, token) {
  let passed = 0;
  for (let turn = 0; turn < CALLS; turn++) for (const api of apis) passed += (await call(api, token)) === 200 ? 1 : 0;
  return `${passed} of ${CALLS * apis.length} calls passed`;
}
