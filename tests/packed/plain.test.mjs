import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
  const page = snippets.find(({ language, text }) => language === "html" && text.includes("createSession"))?.text ?? "";
  const app = await makeApp(t, {
    "index.html": `<!doctype html><link rel="icon" href="data:,"><body>${page.replace("dataset.state", "dataset.token")}`,
  });

  const ran = await runApp(await launchBrowser(t), await serveFolder(t, app));

  assert.deepEqual(ran, { token: "signed_out", complaints: [] });
});

test("where the module's file is missing, or a page is in its place, the error names nolapse/inline", async (t) => {
  const app = await makeApp(t, {
    "index.html": `<!doctype html><link rel="icon" href="data:,"><body><script type="module">
      import { createSession } from "/node_modules/nolapse/index.js";
      const session = createSession({ auth: "https://auth.example.com" });
      session.ready.catch(({ code, message }) => { document.body.dataset.token = code + ": " + message; });</script>`,
  });
  const browser = await launchBrowser(t);
  const origin = await serveFolder(t, app);
  const module = join(app, "node_modules/nolapse/nolapse_bg.wasm");

  await rm(module);
  const missing = await runApp(browser, origin);
  await writeFile(module, "<!doctype html>");
  const replaced = await runApp(browser, origin);

  assert.match(missing.token ?? "", /^load_failed: .*nolapse\/inline.*404/);
  assert.match(replaced.token ?? "", /^load_failed: .*nolapse\/inline/);
});
