import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { readDocument } from "../docs/documents.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { runApp, serveFolder } from "../packed/app.mjs";
import { build, makeFrameworkApp, NAMES_INLINE, SHOW_EITHER, WORKS, whileServed } from "./apps.mjs";

const NG = "@angular/cli/bin/ng.js";

/** What the documents put into `angular.json`, so that the module is copied. */
const { snippets } = await readDocument("docs/install.md");
const { assets: COPIED } = JSON.parse(`{${snippets.find(({ language }) => language === "json")?.text}}`);

/**
 * An app of Angular's CLI, as `ng new` makes it, without styles, tests and polyfills.
 *
 * @param {readonly object[]} [assets]
 */
function angularApp(assets = []) {
  const options = { browser: "src/main.ts", index: "src/index.html", tsConfig: "tsconfig.json", assets };
  const architect = {
    build: { builder: "@angular/build:application", options },
    serve: { builder: "@angular/build:dev-server", options: { buildTarget: "app:build" } },
  };
  const projects = { app: { projectType: "application", root: "", sourceRoot: "src", architect } };
  return {
    "angular.json": JSON.stringify({ version: 1, projects }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: { strict: true, target: "ES2022", module: "preserve", lib: ["ES2022", "DOM"], types: [] },
      files: ["src/main.ts"],
    }),
    "src/index.html": `<!doctype html><html lang="en"><head><title>app</title><base href="/">
      <link rel="icon" href="data:,"></head><body><app-root></app-root></body></html>`,
    "src/main.ts": `import { Component } from "@angular/core";
      import { bootstrapApplication } from "@angular/platform-browser";
      ${SHOW_EITHER}
      @Component({ selector: "app-root", template: "<main>an app</main>" })
      class App {
        constructor() {
          void show();
        }
      }
      void bootstrapApplication(App);`,
  };
}

test("Angular's CLI", async (t) => {
  const browser = await launchBrowser(t);

  await t.test("P37 an app of Angular's CLI runs with nolapse/inline; with nolapse, the error names it", async (t) => {
    const app = await makeFrameworkApp(t, angularApp());

    const { built, served } = await buildAndServe(t, app, async (origin) => ({
      inline: await runApp(browser, `${origin}/?inline`),
      besides: await runApp(browser, origin),
    }));

    assert.deepEqual({ built: built.inline, served: served.inline }, { built: WORKS, served: WORKS });
    assert.match(built.besides.token ?? "", NAMES_INLINE);
    assert.match(served.besides.token ?? "", NAMES_INLINE);
  });

  await t.test("P37 an app of Angular's CLI runs with nolapse where the documents' asset is copied", async (t) => {
    const app = await makeFrameworkApp(t, angularApp(COPIED));

    const ran = await buildAndServe(t, app, (origin) => runApp(browser, origin));

    assert.deepEqual(ran, { built: WORKS, served: WORKS });
  });
});

/**
 * Runs an app as `ng build` makes it, and as `ng serve` serves it.
 *
 * @template T
 * @param {import("node:test").TestContext} test
 * @param {string} app
 * @param {(origin: string) => Promise<T>} runIn
 */
async function buildAndServe(test, app, runIn) {
  await build(app, NG, ["build"]);
  const built = await runIn(await serveFolder(test, join(app, "dist/app/browser")));
  const served = await whileServed(app, NG, ["serve", "--port", "PORT"], runIn);
  return { built, served };
}
