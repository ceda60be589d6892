import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

test("the server serves the test page, and its API refuses a call from there without a token", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);

  const status = await page.evaluate(async (url) => (await fetch(url)).status, `${server.api}/notes`);

  assert.equal(await page.title(), "nolapse test page");
  assert.notEqual(server.api, server.auth);
  assert.equal(status, 401);
  const [call] = network.toOrigin(server.api);
  assert.ok(call);
  await until("the recorder has the answer", () => call.status === 401);
  assert.equal(call.headers.authorization, undefined);
});

test("the package on the test page is the packed one and imports without a request of its own", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);

  const names = await page.evaluate(async (address) => Object.keys(await import(address)), "/nolapse/index.js");

  assert.deepEqual(names.sort(), ["SessionEnded", "SessionError", "createSession", "isSessionError"]);
  assert.deepEqual(
    network.all().filter(({ path }) => path.endsWith(".wasm") || path.startsWith("/auth/")),
    [],
  );
});

test("a server that was killed comes back at the same addresses", async (t) => {
  const server = await startServer(t);
  const before = [server.auth, server.api];

  await server.kill();
  await assert.rejects(fetch(server.auth));
  await server.start();

  assert.deepEqual([server.auth, server.api], before);
  assert.equal((await fetch(`${server.auth}/blank.html`)).status, 200);
});
