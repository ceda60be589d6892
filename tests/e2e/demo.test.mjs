import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { get } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { freePort, portOf } from "./harness/ports.mjs";
import { until } from "./harness/until.mjs";

/** The command builds as well; in `npm test` everything is built before. */
const START_MS = 240_000;

test("npm run demo prints its address as its last line, serves page and API there, and ends with Ctrl-C", async (t) => {
  const { demo, port, apiPort } = await openDemo(t);

  assert.equal(demo.lastLine(), `Demo ready: http://localhost:${port}`, demo.output());
  const page = await fetch(`http://localhost:${port}/`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>/);
  assert.equal((await fetch(`http://localhost:${apiPort}/notes`)).status, 401);

  demo.signal("SIGINT");
  await until("the demo has ended", demo.ended);
  await assert.rejects(fetch(`http://localhost:${port}/`));
  await assert.rejects(fetch(`http://localhost:${apiPort}/notes`));
});

test("issue11 npm run demo -- --https serves page and API over TLS, and has the remedy for the browser's warning", async (t) => {
  const { demo, port, apiPort, folder } = await openDemo(t, ["--https"]);

  assert.equal(demo.lastLine(), `Demo ready: https://localhost:${port}`, demo.output());
  assert.match(demo.output(), /add-trusted-cert.*dev-tls\.crt/);
  const ca = await readFile(join(folder, "dev-tls.crt"));
  assert.equal(await statusOf(`https://localhost:${port}/`, ca), 200);
  assert.equal(await statusOf(`https://localhost:${apiPort}/notes`, ca), 401);
});

test("npm run demo with an unknown option names the one there is", async (t) => {
  const demo = runDemo({}, ["--tls"]);
  t.after(() => demo.signal("SIGKILL"));

  await until("the demo has ended", demo.ended, { within: START_MS });

  assert.notEqual(demo.child.exitCode, 0);
  assert.match(demo.output(), /--https/);
});

test("npm run demo with a port that is taken names the variable to set", async (t) => {
  const occupant = createServer().listen(0, "127.0.0.1");
  await once(occupant, "listening");
  t.after(() => occupant.close());
  const demo = runDemo({ PORT: `${portOf(occupant)}` });
  t.after(() => demo.signal("SIGKILL"));

  await until("the demo has ended", demo.ended, { within: START_MS });

  assert.notEqual(demo.child.exitCode, 0);
  assert.match(demo.output(), /PORT=\d+ npm run demo/);
});

/**
 * Runs the demo on free ports and a database of its own, and waits until it is ready.
 *
 * @param {import("node:test").TestContext} t
 * @param {readonly string[]} [options]
 */
async function openDemo(t, options = []) {
  const [port, apiPort] = await Promise.all([freePort(), freePort()]);
  const folder = await mkdtemp(join(tmpdir(), "nolapse-demo-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const kept = { DATABASE_URL: `sqlite://${folder}/demo.sqlite`, KEY_FILE: join(folder, "demo.keys") };
  const demo = runDemo({ PORT: `${port}`, API_PORT: `${apiPort}`, ...kept }, options);
  t.after(() => demo.signal("SIGKILL"));

  await until("the demo is ready", () => demo.ended() || demo.lastLine().startsWith("Demo ready:"), {
    within: START_MS,
  });
  return { demo, port, apiPort, folder };
}

/**
 * The status of a response over TLS, whose certificate must be this one.
 *
 * @param {string} url
 * @param {Buffer} ca
 */
async function statusOf(url, ca) {
  const [response] = await once(get(url, { ca }), "response");
  response.resume();
  return response.statusCode;
}

/**
 * @param {Record<string, string>} env
 * @param {readonly string[]} [options]
 */
function runDemo(env, options = []) {
  // A process group of its own: a terminal sends Ctrl-C to the group.
  const child = spawn("npm", ["run", "demo", "--", ...options], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...env },
  });
  let output = "";
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  child.once("close", () => {
    ended = true;
  });
  /** @param {NodeJS.Signals} signal */
  const signal = (signal) => {
    if (!ended && child.pid !== undefined) process.kill(-child.pid, signal);
  };
  return {
    child,
    signal,
    ended: () => ended,
    output: () => output,
    lastLine: () => output.trimEnd().split("\n").at(-1) ?? "",
  };
}
