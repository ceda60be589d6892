import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { tool } from "../tools/process.mjs";
import { makeApp, runApp, serveFolder, USE } from "./app.mjs";

test("P37 an app built by Vite without configuration runs, and carries the module as a file of its own", async (t) => {
  const app = await makeApp(t, {
    "index.html": `<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/main.js"></script>`,
    "main.js": `import { createSession } from "nolapse";${USE}`,
  });
  const { output } = await tool("vite/bin/vite.js", ["build"], { cwd: app });

  const assets = await readdir(join(app, "dist", "assets"));
  const ran = await runApp(await launchBrowser(t), await serveFolder(t, join(app, "dist")));

  assert.doesNotMatch(output, /warn/i);
  assert.equal(assets.filter((name) => name.endsWith(".wasm")).length, 1, assets.join(", "));
  assert.deepEqual(ran, { token: "from-the-app", complaints: [] });
});
