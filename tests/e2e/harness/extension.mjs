/** An extension of Chromium, made of what `docs/shells.md` shows. */

import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";

import { root } from "../../../pkg-template/tools/process.mjs";
import { readDocument } from "../../docs/documents.mjs";
import { launchBrowser } from "./browser.mjs";

/** Chromium loads extensions by its command line only without this feature. */
const LOADABLE = "--disable-features=DisableLoadExtensionCommandLineSwitch";

/** The tests' servers, for the hosts of the document. */
const HOSTS = /https:\/\/(auth|api)\.example\.com/g;

/** @typedef {{ key: string, origin: string }} Identity */

/**
 * Makes a key of an extension, and the origin that Chromium derives of it.
 *
 * @returns {Identity}
 */
export function newIdentity() {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = publicKey.export({ type: "spki", format: "der" });
  const digits = createHash("sha256").update(key).digest("hex").slice(0, 32);
  const id = [...digits].map((digit) => "abcdefghijklmnop"[Number.parseInt(digit, 16)]).join("");
  return { key: key.toString("base64"), origin: `chrome-extension://${id}` };
}

/**
 * Launches Chromium with the extension of the document; both end with the test.
 *
 * @param {import("node:test").TestContext} test
 * @param {Identity} identity
 * @param {import("./page.mjs").Addresses} server
 * @param {{ changes?: object, args?: readonly string[] }} [options] `changes` of the manifest; one that is `undefined` is left out
 * @returns {Promise<import("puppeteer-core").Browser>}
 */
export async function launchExtension(test, { key }, server, { changes = {}, args = [] } = {}) {
  const { snippets } = await readDocument("docs/shells.md");
  const shown = (/** @type {string} */ language) => {
    const { text = "" } = snippets.find((snippet) => snippet.language === language) ?? {};
    return text.replaceAll(HOSTS, (_, name) => (name === "auth" ? server.auth : server.api));
  };
  const folder = await mkdtemp(join(tmpdir(), "nolapse-extension-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  // A match pattern with a port is another one than the document's.
  const manifest = JSON.parse(shown("json").replaceAll(/(http:\/\/localhost):\d+/g, "$1"));
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, key, ...changes }));
  await writeFile(
    join(folder, "popup.html"),
    '<!doctype html><title>test</title><script type="module" src="popup.js"></script>',
  );
  for (const name of ["popup", "worker"]) {
    const contents = `${shown("ts")}\nglobalThis.session = session;`;
    const stdin = { contents, loader: /** @type {const} */ ("ts"), resolveDir: root };
    await build({ stdin, bundle: true, format: "esm", outfile: join(folder, `${name}.js`) });
  }
  const browser = await launchBrowser(test, {
    extensions: true,
    args: [`--load-extension=${folder}`, LOADABLE, ...args],
  });
  return browser;
}

/**
 * Opens the extension's page in a tab, with its session as `window.session`.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {Identity} identity
 */
export async function openPopup(browser, { origin }) {
  const page = await browser.newPage();
  await page.goto(`${origin}/popup.html`);
  await page.waitForFunction("window.session !== undefined");
  return page;
}

/**
 * The extension's service worker, with its session as `globalThis.session`.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {Identity} identity
 */
export async function openWorker(browser, { origin }) {
  const url = `${origin}/worker.js`;
  const target = await browser.waitForTarget((one) => one.type() === "service_worker" && one.url() === url);
  const worker = await target.worker();
  if (!worker) throw new Error("the extension has no worker");
  return worker;
}
