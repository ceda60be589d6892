import assert from "node:assert/strict";
import { copyFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { makeApp, pageWith, runApp, serveFolder, USE } from "./app.mjs";

/** Shows the error's code in place of the token, if there is none. */
const APP = {
  "index.html": pageWith("main.js"),
  "main.js": `import { createSession, isSessionError } from "/node_modules/nolapse/index.js";
    try {${USE}} catch (error) {
      document.body.dataset.token = isSessionError(error) && error.stack ? error.code : String(error);
    }`,
};

/** What may be wrong with an installed package. @type {[string, string, (installed: string) => Promise<void>][]} */
const WRONG = [
  ["a script of another release", "version_mismatch", giveAnotherBuild],
  [
    "the module of another entry",
    "version_mismatch",
    (installed) => copyFile(join(installed, "nolapse_verify_bg.wasm"), join(installed, "nolapse_bg.wasm")),
  ],
  ["a module that was cut off", "load_failed", (installed) => truncate(join(installed, "nolapse_bg.wasm"), 10_000)],
  [
    "a page in the place of the module",
    "load_failed",
    (installed) => writeFile(join(installed, "nolapse_bg.wasm"), "<html>"),
  ],
];

test("P33 P41 parts of different builds are reported by one typed error", async (t) => {
  const browser = await launchBrowser(t);
  for (const [name, code, spoil] of WRONG) {
    await t.test(`P33 P41 ${name}: ${code}`, async (t) => {
      const app = await makeApp(t, APP);
      await spoil(join(app, "node_modules", "nolapse"));

      const { token } = await runApp(browser, await serveFolder(t, app));

      assert.equal(token, code);
    });
  }
});

/**
 * Makes the facade one of another build.
 *
 * @param {string} installed
 */
async function giveAnotherBuild(installed) {
  const file = join(installed, "facade.js");
  const text = await readFile(file, "utf8");
  const other = text.replace(/(BUILD_ID = Number\()"\d+"/, '$1"123"');
  assert.notEqual(other, text);
  await writeFile(file, other);
}
