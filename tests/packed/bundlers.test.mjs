import assert from "node:assert/strict";
import { copyFile, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build } from "esbuild";
import { rollup } from "rollup";
import webpack from "webpack";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { appFrom, makeApp, pageWith, runApp, serveFolder } from "./app.mjs";

/** The token that a working app shows. */
const WORKS = { token: "from-the-app", complaints: [] };

test("bundlers", async (t) => {
  const browser = await launchBrowser(t);

  /** @param {import("node:test").TestContext} t @param {string} app */
  const runBuilt = async (t, app) => runApp(browser, await serveFolder(t, join(app, "dist")));

  await t.test("P37 an app built by webpack without configuration runs, with the module as a file", async (t) => {
    const app = await makeApp(t, { "src/index.js": appFrom("nolapse"), "dist/index.html": pageWith("main.js") });

    const compile = promisify(
      (/** @type {import("webpack").Configuration} */ options, /** @type {WebpackDone} */ done) =>
        webpack(options, done),
    );
    // As `webpack --mode production`; without a mode it warns.
    const stats = await compile({ context: app, mode: "production", output: { path: join(app, "dist") } });

    assert.equal(stats?.toString({ all: false, errors: true, warnings: true }), "");
    const files = await readdir(join(app, "dist"));
    assert.equal(files.filter((name) => name.endsWith(".wasm")).length, 1, files.join(", "));
    assert.deepEqual(await runBuilt(t, app), WORKS);
  });

  await t.test("P37 an app built by Rollup, which knows no files of modules, runs with nolapse/inline", async (t) => {
    const app = await makeApp(t, { "main.js": appFrom("nolapse/inline"), "dist/index.html": pageWith("main.js") });
    /** @type {string[]} */
    const warnings = [];

    const bundle = await rollup({
      input: join(app, "main.js"),
      plugins: [nodeResolve()],
      onwarn: ({ message }) => warnings.push(message),
    });
    await bundle.write({ dir: join(app, "dist") });
    await bundle.close();

    assert.deepEqual(warnings, []);
    const built = (await readdir(join(app, "dist"))).map((name) => name.replace(/-[\w-]{8}\.js$/, ".js")).sort();
    assert.deepEqual(built, [
      "bridge.js",
      "index.html",
      "main.js",
      "new-key.js",
      "nolapse_js.js",
      "provider.js",
      "push.js",
      "step-up.js",
    ]);
    assert.deepEqual(await runBuilt(t, app), WORKS);
  });

  await t.test("P37 an app built by esbuild, which knows no files of modules, runs with nolapse/inline", async (t) => {
    const app = await makeApp(t, { "main.js": appFrom("nolapse/inline"), "dist/index.html": pageWith("main.js") });

    const { warnings } = await build({ ...ESBUILD, entryPoints: [join(app, "main.js")], outdir: join(app, "dist") });

    assert.deepEqual(warnings, []);
    assert.deepEqual(await runBuilt(t, app), WORKS);
  });

  await t.test("P37 an app built by esbuild runs with the module copied beside it, too", async (t) => {
    const app = await makeApp(t, { "main.js": appFrom("nolapse"), "dist/index.html": pageWith("main.js") });

    const { warnings } = await build({ ...ESBUILD, entryPoints: [join(app, "main.js")], outdir: join(app, "dist") });
    await copyFile(join(app, "node_modules/nolapse/nolapse_bg.wasm"), join(app, "dist/nolapse_bg.wasm"));

    assert.deepEqual(warnings, []);
    assert.deepEqual(await runBuilt(t, app), WORKS);
  });

  await t.test("the option wasm takes a URL, an answer, bytes and a compiled module", async (t) => {
    const sources = {
      url: '"/place.wasm"',
      answer: 'fetch("/place.wasm")',
      bytes: 'fetch("/place.wasm").then((answer) => answer.arrayBuffer())',
      module: 'WebAssembly.compileStreaming(fetch("/place.wasm"))',
    };
    const pages = Object.entries(sources).flatMap(([name, source]) => [
      [`${name}/index.html`, pageWith("main.js")],
      [
        `${name}/main.js`,
        appFrom("/node_modules/nolapse/index.js").replace("storageKey", `wasm: ${source}, storageKey`),
      ],
    ]);
    const app = await makeApp(t, Object.fromEntries(pages));
    await rename(join(app, "node_modules/nolapse/nolapse_bg.wasm"), join(app, "place.wasm"));
    const origin = await serveFolder(t, app);

    for (const name of Object.keys(sources)) assert.deepEqual(await runApp(browser, `${origin}/${name}`), WORKS, name);
  });
});

/** As `esbuild --bundle --splitting --format=esm`: what only a browser without WebAssembly loads is a chunk of its own. */
const ESBUILD = /** @type {const} */ ({ bundle: true, splitting: true, format: "esm", logLevel: "silent" });

/** @typedef {(error: Error | null, stats?: import("webpack").Stats) => void} WebpackDone */
