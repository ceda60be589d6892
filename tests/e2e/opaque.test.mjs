import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { launchBrowser, launchFirefox } from "./harness/browser.mjs";
import { startEcho } from "./harness/echo.mjs";
import { listen } from "./harness/listen.mjs";

/** The package as users get it. */
const INSTALLED = join(root, "node_modules", "nolapse");

/**
 * Starts a website whose documents have an opaque origin, as those of sandboxed frames and of unknown schemes have.
 *
 * @param {import("node:test").TestContext} t
 */
function startSandbox(t) {
  const site = createServer(({ url = "" }, response) => {
    response.setHeader("access-control-allow-origin", "*");
    if (url.endsWith(".js")) {
      response.setHeader("content-type", "text/javascript");
      return createReadStream(join(INSTALLED, basename(url))).pipe(response);
    }
    response.setHeader("content-security-policy", "sandbox allow-scripts");
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end('<!doctype html><html lang="en"><title>test</title>');
  });
  return listen(t, site);
}

for (const [name, launch] of /** @type {const} */ ([
  ["Chromium", launchBrowser],
  ["Firefox", launchFirefox],
])) {
  test(`line14 a page without an origin has a session of its app's own refresher, in ${name}`, async (t) => {
    const [browser, site, api] = await Promise.all([launch(t), startSandbox(t), startEcho(t)]);
    const page = await browser.newPage();
    await page.goto(`${site}/`);

    const seen = await page.evaluate(
      async (address, api) => {
        /** @type {typeof import("nolapse/inline")} */
        const { createSession } = await import(address);
        const refresh = async () => ({
          access_token: "token",
          expires_in: 60,
          session: { id: "s", user: { id: "u" } },
        });
        const session = createSession({ auth: { refresh }, storageKey: "app", allowedOrigins: [api] });
        await session.refresh();
        const here = URL.createObjectURL(new Blob(["text"]));
        const answers = [await session.fetch(`${api}/`), await session.fetch(here), await session.fetch("data:,text")];
        const { state } = session.status;
        session.close();
        return { origin: self.origin, url: here.slice(0, 10), statuses: answers.map(({ status }) => status), state };
      },
      `${site}/inline.js`,
      api.origin,
    );

    assert.deepEqual(seen, { origin: "null", url: "blob:null/", statuses: [200, 200, 200], state: "signed_in" });
    assert.deepEqual(
      api.received.map(({ authorization }) => authorization),
      ["Bearer token"],
    );
  });
}
