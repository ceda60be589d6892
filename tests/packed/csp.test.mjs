import assert from "node:assert/strict";
import { test } from "node:test";

import { readDocument } from "../docs/documents.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { makeApp, pageWith, runApp, serveFolder, USE } from "./app.mjs";

const told = await readDocument("docs/csp.md");
const readme = await readDocument("pkg-template/README.md");

/** The policy of a document. @param {import("../docs/documents.mjs").Document} document */
function policyIn({ snippets }) {
  const policies = snippets.map(({ text }) => /^Content-Security-Policy: (.+)$/m.exec(text)?.[1]);
  return policies.find((policy) => policy !== undefined) ?? "";
}

/** The policy as a header, with that word taken out. @param {string} [without] */
function policy(without = "") {
  return { "content-security-policy": policyIn(told).replace(without, "") };
}

/** Shows the error's code in place of the token, if there is none. */
const TRIED = `try {${USE}} catch (error) {
  document.body.dataset.token = isSessionError(error) ? error.code : String(error);
}`;

/** @param {string} entry its file */
function strictApp(entry) {
  return {
    "index.html": pageWith("main.js").replace('<link rel="icon" href="data:,">', ""),
    // The browser requests it by itself.
    "favicon.ico": "",
    "main.js": `import { createSession, isSessionError } from "/node_modules/nolapse/${entry}";${TRIED}`,
  };
}

test("a strict Content-Security-Policy", async (t) => {
  const browser = await launchBrowser(t);

  for (const entry of ["index.js", "inline.js", "verify.js"]) {
    await t.test(`P38 ${entry} works with 'wasm-unsafe-eval', without eval, blob or data`, async (t) => {
      const app = await makeApp(t, strictApp(entry));

      const ran = await runApp(browser, await serveFolder(t, app, policy()));

      assert.deepEqual(ran, { token: "from-the-app", complaints: [] });
    });

    await t.test(`P38 without 'wasm-unsafe-eval' ${entry} says so in one typed error`, async (t) => {
      const app = await makeApp(t, strictApp(entry));

      const { token } = await runApp(browser, await serveFolder(t, app, policy("'wasm-unsafe-eval'")));

      assert.equal(token, "unsupported");
    });
  }
});

test("the documents tell the policy that is tested, and the package's README the part of it that is needed", () => {
  assert.match(policyIn(told), /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' /);
  assert.ok(policyIn(told).startsWith(policyIn(readme)) && policyIn(readme).includes("connect-src"));
});
