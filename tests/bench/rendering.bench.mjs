/**
 * The time to the first byte of a page that a server renders for its user, beside the same page for a visitor: by the page cookie,
 * which takes no look-up, and by one look-up at the auth server. The server is that of `docs/rendering.md`.
 *
 * All of them take turns, over one connection, on this machine: the network between renderer and auth server comes on top.
 */

import { get, Agent } from "node:http";

import { start } from "../../pkg-template/tools/process.mjs";
import { newBrowser, PAGE, REFRESH } from "../apis/jar.mjs";
import { makeApp } from "../apis/package.mjs";
import { readApp, rendererEnv, SERVER_ENV } from "../docs/rendering.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { until } from "../e2e/harness/until.mjs";
import { median, shuffled, staged, table } from "./scene.mjs";
import { startServer } from "../e2e/harness/server.mjs";

const ROUNDS = 2_000;
/** Those before the engines have compiled what is measured. */
const WARM_UP = 200;

/** The limits of what a page for its user takes more than one for a visitor, in milliseconds. */
const BUDGET_MS = { "page cookie": 2, "one look-up": 8 };

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/**
 * Milliseconds from sending a request to the first byte of its response.
 *
 * @param {string} url
 * @param {string} cookie
 * @returns {Promise<number>}
 */
function firstByte(url, cookie) {
  return new Promise((resolve, reject) => {
    const sent = performance.now();
    const request = get(url, { agent, headers: cookie ? { cookie } : {} }, (response) => {
      const took = performance.now() - sent;
      response.resume().once("end", () => resolve(took));
    });
    request.once("error", reject);
  });
}

await staged(async (test) => {
  const server = await startServer(test, { ...SERVER_ENV, TOKEN_LIFE_SECONDS: "3600", LOG: "warn" });
  const port = await freePort();
  const { "server.mjs": program = "" } = await readApp("The first HTML knows the user");
  const { folder, remove } = await makeApp({ "server.mjs": program.replace("listen(3000)", `listen(${port})`) });
  const child = start(process.execPath, ["server.mjs"], { cwd: folder, env: rendererEnv(server) });
  test.after(async () => {
    child.kill("SIGKILL");
    await remove();
  });
  const url = `http://localhost:${port}/`;
  await until("the renderer answers", () => firstByte(url, "").catch(() => 0));
  const browser = await newBrowser(server.auth);
  /** @type {Record<string, { cookie: string, times: number[] }>} */
  const kinds = {
    visitor: { cookie: "", times: [] },
    "page cookie": { cookie: browser.header([REFRESH]), times: [] },
    "one look-up": { cookie: browser.header([PAGE]), times: [] },
  };

  for (let round = -WARM_UP; round < ROUNDS; round++)
    for (const { cookie, times } of shuffled(Object.values(kinds))) {
      const took = await firstByte(url, cookie);
      if (round >= 0) times.push(took);
    }

  const { look_ups_live: lookUps = 0 } = await server.counters();
  const none = median(kinds.visitor?.times ?? []);
  const rows = Object.entries(kinds).map(([name, { times }]) => {
    const p99 = times.toSorted((left, right) => left - right)[Math.floor(times.length * 0.99)] ?? Number.NaN;
    return [name, median(times).toFixed(2), p99.toFixed(2), (median(times) - none).toFixed(2)];
  });
  console.log(table([["first byte, ms", "median", "p99", "over a visitor's"], ...rows]));
  console.log(
    `\n${ROUNDS} requests of each; ${lookUps} look-ups of ${ROUNDS + WARM_UP} requests without a page cookie\n`,
  );
  agent.destroy();
  const excesses = Object.entries(BUDGET_MS).filter(([name, most]) => median(kinds[name]?.times ?? []) - none > most);
  return [
    ...excesses.map(([name, most]) => `${name}: more than ${most} ms over a visitor's page`),
    ...(lookUps === ROUNDS + WARM_UP ? [] : [`${lookUps} look-ups: more or less than one a request`]),
  ];
});
