import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { createServer } from "vite";

import { tool } from "../../pkg-template/tools/process.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { appFrom, makeApp, pageWith, runApp, serveFolder } from "./app.mjs";

const APP = { "index.html": pageWith("/main.js"), "main.js": appFrom("nolapse") };

test("P37 an app built by Vite without configuration runs, and carries the module as a file of its own", async (t) => {
  const app = await makeApp(t, APP);
  const { output } = await tool("vite/bin/vite.js", ["build"], { cwd: app });

  const assets = await readdir(join(app, "dist", "assets"));
  const ran = await runApp(await launchBrowser(t), await serveFolder(t, join(app, "dist")));

  assert.doesNotMatch(output, /warn/i);
  assert.equal(assets.filter((name) => name.endsWith(".wasm")).length, 1, assets.join(", "));
  assert.deepEqual(ran, { token: "from-the-app", complaints: [] });
});

test("P37 an app served by Vite while it is written runs without configuration", async (t) => {
  const app = await makeApp(t, APP);

  const server = await createServer({ root: app, configFile: false, logLevel: "silent", server: { port: 0 } });
  t.after(() => server.close());
  await server.listen();
  const ran = await runApp(await launchBrowser(t), server.resolvedUrls?.local[0]?.replace(/\/$/, "") ?? "");

  assert.deepEqual(ran, { token: "from-the-app", complaints: [] });
});
