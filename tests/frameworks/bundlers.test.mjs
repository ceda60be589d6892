import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { run } from "../../pkg-template/tools/process.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { pageWith, runApp, serveFolder } from "../packed/app.mjs";
import { build, makeFrameworkApp, modulesIn, NAMES_INLINE, PACKAGES, showFrom, WORKS, whileServed } from "./apps.mjs";

const PARCEL = "parcel/lib/bin.js";

/** Otherwise its cache would be beside the lock file of the frameworks. */
const PARCEL_OPTIONS = ["index.html", "--cache-dir", "cache"];

/** @param {string} entry */
function page(entry) {
  return { "index.html": pageWith("./main.js"), "main.js": `${showFrom(entry)}\nvoid show();` };
}

test("bundlers that start from a page", async (t) => {
  const browser = await launchBrowser(t);

  await t.test("P37 an app built and served by Parcel without configuration runs", async (t) => {
    const app = await makeFrameworkApp(t, page("nolapse"));

    const { output } = await build(app, PARCEL, ["build", ...PARCEL_OPTIONS]);
    const built = await runApp(browser, await serveFolder(t, join(app, "dist")));
    const serving = ["serve", ...PARCEL_OPTIONS, "--port", "PORT", "--dist-dir", "served"];
    const served = await whileServed(app, PARCEL, serving, (origin) => runApp(browser, origin));

    assert.doesNotMatch(output, /warn|⚠/i);
    assert.equal((await modulesIn(join(app, "dist"))).length, 1);
    assert.deepEqual({ built, served }, { built: WORKS, served: WORKS });
  });

  await t.test("P37 an app built by Bun runs with nolapse/inline; with nolapse, the error names it", async (t) => {
    const [inline, besides] = await Promise.all(
      ["nolapse/inline", "nolapse"].map(async (entry) => {
        const app = await makeFrameworkApp(t, page(entry));
        await bunBuild(app);
        return runApp(browser, await serveFolder(t, join(app, "dist")));
      }),
    );

    assert.deepEqual(inline, WORKS);
    assert.match(besides?.token ?? "", NAMES_INLINE);
  });
});

/** Builds with Bun's program as npm installs it for this machine; `bun` itself needs an install script. @param {string} app */
async function bunBuild(app) {
  const programs = join(PACKAGES, "@oven");
  const [platform = ""] = await readdir(programs);
  const parameters = ["build", "./index.html", "--outdir", "dist", "--splitting"];
  await run(join(programs, platform, "bin/bun"), parameters, { cwd: app });
}
