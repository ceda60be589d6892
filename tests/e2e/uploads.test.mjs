import assert from "node:assert/strict";
import { test } from "node:test";

import { transform } from "esbuild";

import { readDocument } from "../docs/documents.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { startEcho } from "./harness/echo.mjs";
import { newUser, openPage, openSession, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** Of a file that takes a second: browsers tell of progress every 50 ms. */
const FILE_BYTES = 4_000_000;
const BYTES_PER_SECOND = 4_000_000;

/** What becomes of an upload. @typedef {{ status: number | undefined, error: string | undefined, shares: number[] }} Outcome */

/**
 * Opens a page with the recipe of `docs/recipes.md` as `window.upload`, for an API that answers so.
 *
 * @param {import("node:test").TestContext} t
 * @param {Parameters<typeof startEcho>[1]} [answer]
 */
async function openUploader(t, answer) {
  const [server, browser, api] = await Promise.all([startServer(t), launchBrowser(t), startEcho(t, answer)]);
  const { page, network } = await openPage(browser, server);
  // The server's Content-Security-Policy allows calls to the demo's API alone.
  await page.setBypassCSP(true);
  await page.reload();
  await openSession(page, server);
  await signIn(page, newUser(), "sign-up");
  const { snippets } = await readDocument("docs/recipes.md");
  const recipe = snippets.find(({ text }) => text.includes("new XMLHttpRequest()"))?.text ?? "";
  const { code } = await transform(recipe.replace("https://api.example.com", api.origin), { loader: "ts" });
  await page.evaluate(`{ const { session } = window; ${code.replace("export ", "")} window.upload = upload; }`);
  return { page, network, api };
}

/**
 * Uploads a file.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {number} [abortAt] the share at which the upload is aborted
 * @returns {Promise<Outcome>}
 */
function upload(page, abortAt = Number.POSITIVE_INFINITY) {
  return page.evaluate(
    async (bytes, abortAt) => {
      const controller = new AbortController();
      /** @type {number[]} */
      const shares = [];
      const onProgress = (/** @type {number} */ share) => {
        shares.push(share);
        if (share >= abortAt) controller.abort();
      };
      try {
        const status = await window.upload(new Blob([new Uint8Array(bytes)]), onProgress, controller.signal);
        return { status, error: undefined, shares };
      } catch (error) {
        return { status: undefined, error: /** @type {Error} */ (error).name, shares };
      }
    },
    FILE_BYTES,
    abortAt,
  );
}

test("issue 11: an upload tells of its progress and carries the token", async (t) => {
  const { page, api } = await openUploader(t);
  await page.emulateNetworkConditions({ upload: BYTES_PER_SECOND, download: BYTES_PER_SECOND, latency: 0 });

  const { status, shares } = await upload(page);

  assert.equal(status, 200);
  assert.ok(shares.length >= 3, `${shares.length} events`);
  assert.deepEqual(
    shares,
    shares.toSorted((left, right) => left - right),
  );
  assert.equal(shares.at(-1), 1);
  const [received, ...more] = api.received;
  assert.equal(received?.body.length, FILE_BYTES);
  assert.match(received?.authorization ?? "", /^Bearer \S+$/);
  assert.deepEqual(more, []);
});

test("issue 11: an upload that the API refuses is sent once more, with another token", async (t) => {
  const { page, network, api } = await openUploader(t, (_, earlier) => ({ status: earlier.length === 0 ? 401 : 200 }));

  const { status } = await upload(page);

  assert.equal(status, 200);
  assert.equal(network.refreshes().length, 1);
  assert.deepEqual(
    api.received.map(({ body }) => body.length),
    [FILE_BYTES, FILE_BYTES],
  );
  assert.equal(new Set(api.received.map(({ authorization }) => authorization)).size, 2);
});

test("issue 11: an upload that is aborted ends there", async (t) => {
  const { page, api } = await openUploader(t);
  await page.emulateNetworkConditions({ upload: BYTES_PER_SECOND, download: BYTES_PER_SECOND, latency: 0 });

  const { error, shares } = await upload(page, 0.01);

  assert.equal(error, "AbortError");
  assert.ok((shares.at(-1) ?? 1) < 1, `${shares}`);
  assert.deepEqual(api.received, []);
});
