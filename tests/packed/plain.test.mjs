import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { makeApp, runApp, serveFolder, USE } from "./app.mjs";

test("P37 a page without a bundler runs the package as it is", async (t) => {
  const app = await makeApp(t, {
    "index.html": `<!doctype html><link rel="icon" href="data:,"><body><script type="module">
      import { createSession } from "/node_modules/nolapse/index.js";${USE}</script>`,
  });

  const ran = await runApp(await launchBrowser(t), await serveFolder(t, app));

  assert.deepEqual(ran, { token: "from-the-app", complaints: [] });
});
