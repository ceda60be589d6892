/** Minimal apps that have installed the tarball. */

import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";

import { TARBALL } from "../../pkg-template/build.mjs";
import { npm, root } from "../../pkg-template/tools/process.mjs";

const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".wasm", "application/wasm"],
]);

/**
 * The smallest use of the package: the app brings its own refresher, and shows the token that it gets. In a browser
 * without a session, no refresh is sent by itself (P29), so the app requests one.
 */
export const USE = `
const session = createSession({
  auth: { refresh: async () => ({ access_token: "from-the-app", expires_in: 60 }) },
  storageKey: "app",
});
await session.refresh();
document.body.dataset.token = await session.getToken();
session.close();
`;

/** How long an app may take to be loaded, and then to show its token: development servers build it only then. */
const SHOWN_MS = 60_000;

/** A page that runs one script. @param {string} script its URL */
export function pageWith(script) {
  return `<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="${script}"></script>`;
}

/** The app that shows its token. @param {string} entry what it imports */
export function appFrom(entry) {
  return `import { createSession } from "${entry}";${USE}`;
}

/**
 * Makes an app and installs the tarball in it.
 *
 * @param {import("node:test").TestContext} test the app is removed with it
 * @param {Record<string, string>} files names and contents
 * @param {{ inside?: string }} [options] `inside`: a folder of the checkout whose frameworks it can import; by default
 *   the app has the tarball alone
 * @returns {Promise<string>} its folder
 */
export async function makeApp(test, files, { inside } = {}) {
  const parent = inside === undefined ? tmpdir() : join(root, inside);
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, "nolapse-packed-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  const manifest = JSON.stringify({ name: "app", private: true, type: "module" });
  for (const [name, text] of Object.entries({ "package.json": manifest, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  await npm(["install", "--offline", "--no-package-lock", "--no-audit", "--no-fund", TARBALL], { cwd: folder });
  return folder;
}

/**
 * Serves a folder of static files.
 *
 * @param {import("node:test").TestContext} test the server ends with it
 * @param {string} folder
 * @param {Record<string, string>} [headers] sent with every file
 * @returns {Promise<string>} its origin
 */
export async function serveFolder(test, folder, headers = {}) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES.get(extname(file)) ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  test.after(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return `http://localhost:${address.port}`;
}

/**
 * Opens the app in Chromium and waits until it shows its token.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} origin
 * @returns {Promise<{ token: string | undefined, complaints: string[] }>} and the errors in the browser's console
 */
export async function runApp(browser, origin) {
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warn") complaints.push(message.text());
  });
  await page.goto(`${origin}/`, { timeout: SHOWN_MS });
  await page.waitForFunction("document.body.dataset.token !== undefined", { timeout: SHOWN_MS }).catch((error) => {
    throw new Error(`the app shows no token: ${complaints.join("; ")}`, { cause: error });
  });
  const token = await page.evaluate(() => document.body.dataset.token);
  // Left open, it would complain once its server has ended.
  await page.close();
  return { token, complaints };
}
