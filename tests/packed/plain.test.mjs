import assert from "node:assert/strict";
import { test } from "node:test";

import { readDocument } from "../docs/documents.mjs";
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

test("P37 the page of the documents runs as it is", async (t) => {
  const { snippets } = await readDocument("docs/install.md");
  const page = snippets.find(({ language }) => language === "html")?.text ?? "";
  const app = await makeApp(t, {
    "index.html": `<!doctype html><link rel="icon" href="data:,"><body>${page.replace("dataset.state", "dataset.token")}`,
  });

  const ran = await runApp(await launchBrowser(t), await serveFolder(t, app));

  assert.deepEqual(ran, { token: "signed_out", complaints: [] });
});
