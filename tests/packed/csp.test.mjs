import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { makeApp, pageWith, runApp, serveFolder, USE } from "./app.mjs";

/** What the documents tell to send, without origins besides the page's own. @param {string} script */
function policy(script) {
  const sources = `script-src ${script}; connect-src 'self'; require-trusted-types-for 'script'`;
  return { "content-security-policy": `default-src 'none'; ${sources}` };
}

/** Shows the code in the place of the token, where there is none. */
const TRIED = `try {${USE}} catch (error) {
  document.body.dataset.token = isSessionError(error) ? error.code : String(error);
}`;

/** @param {string} entry its file */
function strictApp(entry) {
  return {
    "index.html": pageWith("main.js").replace('<link rel="icon" href="data:,">', ""),
    // What the browser asks for by itself.
    "favicon.ico": "",
    "main.js": `import { createSession, isSessionError } from "/node_modules/nolapse/${entry}";${TRIED}`,
  };
}

test("a strict Content-Security-Policy", async (t) => {
  const browser = await launchBrowser(t);

  for (const entry of ["index.js", "inline.js", "verify.js"]) {
    await t.test(`P38 ${entry} works with 'wasm-unsafe-eval', without eval, blob or data`, async (t) => {
      const app = await makeApp(t, strictApp(entry));

      const ran = await runApp(browser, await serveFolder(t, app, policy("'self' 'wasm-unsafe-eval'")));

      assert.deepEqual(ran, { token: "from-the-app", complaints: [] });
    });

    await t.test(`P38 without 'wasm-unsafe-eval' ${entry} says so in one typed error`, async (t) => {
      const app = await makeApp(t, strictApp(entry));

      const { token } = await runApp(browser, await serveFolder(t, app, policy("'self'")));

      assert.equal(token, "unsupported");
    });
  }
});
