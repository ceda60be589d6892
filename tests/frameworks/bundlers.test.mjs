import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root, run } from "../../pkg-template/tools/process.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { pageWith, runApp, serveFolder } from "../packed/app.mjs";
import { build, makeFrameworkApp, NAMES_INLINE, showFrom, WORKS, whileServed } from "./apps.mjs";

/** @param {string} entry */
function page(entry) {
  return { "index.html": pageWith("./main.js"), "main.js": `${showFrom(entry)}\nvoid show();` };
}

test("bundlers that start from a page", async (t) => {
  const browser = await launchBrowser(t);

  await t.test("P37 an app built by Parcel without configuration runs, with the module as a file", async (t) => {
    const app = await makeFrameworkApp(t, page("nolapse"));

    const { output } = await build(app, "parcel/lib/bin.js", [
      "build",
      "index.html",
      "--no-cache",
      "--cache-dir",
      "cache",
    ]);
    const ran = await runApp(browser, await serveFolder(t, join(app, "dist")));

    assert.doesNotMatch(output, /warn|⚠/i);
    const files = await readdir(join(app, "dist"));
    assert.equal(files.filter((name) => name.endsWith(".wasm")).length, 1, files.join(", "));
    assert.deepEqual(ran, WORKS);
  });

  await t.test("P37 an app served by Parcel while it is written runs without configuration", async (t) => {
    const app = await makeFrameworkApp(t, page("nolapse"));

    const ran = await whileServed(
      app,
      "parcel/lib/bin.js",
      (port) => ["serve", "index.html", "--no-cache", "--cache-dir", "cache", "--port", port],
      (origin) => runApp(browser, origin),
    );

    assert.deepEqual(ran, WORKS);
  });

  await t.test("P37 an app built by Bun, which copies no files of modules, runs with nolapse/inline", async (t) => {
    const app = await makeFrameworkApp(t, page("nolapse/inline"));

    await bunBuild(app);

    assert.deepEqual(await runApp(browser, await serveFolder(t, join(app, "dist"))), WORKS);
  });

  await t.test("P37 where an app built by Bun imports nolapse, the error names nolapse/inline", async (t) => {
    const app = await makeFrameworkApp(t, page("nolapse"));

    await bunBuild(app);
    const { token } = await runApp(browser, await serveFolder(t, join(app, "dist")));

    assert.match(token ?? "", NAMES_INLINE);
  });
});

/** Builds with Bun's program as npm installs it for this machine; `bun` itself needs an install script. @param {string} app */
async function bunBuild(app) {
  const programs = join(root, "tests/frameworks/node_modules/@oven");
  const [platform = ""] = await readdir(programs);
  await run(join(programs, platform, "bin", "bun"), ["build", "./index.html", "--outdir", "dist", "--splitting"], {
    cwd: app,
  });
}
