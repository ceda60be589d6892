/** An extension of Chromium, made of what `docs/shells.md` shows. */

import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";

import { root } from "../../../pkg-template/tools/process.mjs";
import { readDocument } from "../../docs/documents.mjs";
import { launchBrowser, launchFirefox } from "./browser.mjs";

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
 * Makes the extension's folder; it goes with the test.
 *
 * @param {import("node:test").TestContext} test
 * @param {import("./page.mjs").Addresses} server
 * @param {object} changes of the manifest; one that is `undefined` is left out
 * @param {string} [steps] follow the document's script, which makes a session
 */
async function makeExtension(test, server, changes, steps = "globalThis.session = session;") {
  const { snippets } = await readDocument("docs/shells.md");
  const shown = (/** @type {string} */ language) => {
    const { text = "" } = snippets.find((snippet) => snippet.language === language) ?? {};
    return text.replaceAll(HOSTS, (_, name) => (name === "auth" ? server.auth : server.api));
  };
  const folder = await mkdtemp(join(tmpdir(), "nolapse-extension-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  // Chromium wants no port in a pattern of permissions.
  const manifest = JSON.parse(shown("json").replaceAll(/(http:\/\/localhost):\d+/g, "$1"));
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, ...changes }));
  await writeFile(
    join(folder, "popup.html"),
    '<!doctype html><title>test</title><script type="module" src="popup.js"></script>',
  );
  const stdin = { contents: `${shown("ts")}\n${steps}`, loader: /** @type {const} */ ("ts"), resolveDir: root };
  for (const name of ["popup", "worker"])
    await build({ stdin, bundle: true, format: "esm", outfile: join(folder, `${name}.js`) });
  return folder;
}

/**
 * Launches Chromium with the extension of the document; both end with the test.
 *
 * @param {import("node:test").TestContext} test
 * @param {Identity} identity
 * @param {import("./page.mjs").Addresses} server
 * @param {{ changes?: object, args?: readonly string[] }} [options] `changes` of the manifest
 */
export async function launchExtension(test, { key }, server, { changes = {}, args = [] } = {}) {
  const folder = await makeExtension(test, server, { key, ...changes });
  return launchBrowser(test, { extensions: true, args: [`--load-extension=${folder}`, LOADABLE, ...args] });
}

/** What Firefox would draw at the installation. */
export const FIREFOX_ORIGIN = "moz-extension://11111111-2222-4333-8444-555555555555";

/**
 * Runs steps in the background page of the document's extension in Firefox. WebDriver opens no page of an extension, so
 * the steps begin by themselves.
 *
 * @param {import("node:test").TestContext} test
 * @param {import("./page.mjs").Addresses} server
 * @param {object} changes of the manifest
 * @param {string} steps have the session as `session`
 */
export async function playInFirefox(test, server, changes, steps) {
  const id = "extension@example.org";
  const firefox = {
    background: { scripts: ["worker.js"], type: "module" },
    browser_specific_settings: { gecko: { id } },
  };
  const folder = await makeExtension(test, server, { ...firefox, ...changes }, steps);
  const uuids = JSON.stringify({ [id]: new URL(FIREFOX_ORIGIN).host });
  const browser = await launchFirefox(test, { "extensions.webextensions.uuids": uuids });
  await browser.installExtension(folder);
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
