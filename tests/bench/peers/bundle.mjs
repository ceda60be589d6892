/** The pages of the clients, bundled alike: minified, for production, one script each. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

import { root } from "../../../pkg-template/tools/process.mjs";
import { early } from "../../e2e/harness/site.mjs";
import { CHUNKS } from "../size.mjs";

const FOLDER = join(root, "tests", "bench", "peers");
const CLIENTS = join(FOLDER, "clients");
const INSTALLED = join(root, "node_modules", "nolapse");

/** Where the page finds the module of our own client. */
const MODULE = "/assets/nolapse_bg.wasm";

/** @typedef {import("./mocks/server.mjs").File} File */

/** The page of a client whose auth server and API are on its own origin. */
export const TOGETHER = "/together.html";
/** The page of a client whose auth server and API are on other origins. */
export const APART = "/apart.html";
/** The page on which the cost of a call is measured. */
export const COSTS = "/costs.html";
/** The page that calls the API without a client. */
export const WITHOUT = "/without.html";

const CLIENT = '<script type="module" src="/assets/client.js"></script>';

/** @type {import("esbuild").BuildOptions} */
const ALIKE = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  // What only a browser without WebAssembly loads is a chunk of its own.
  external: ["*/nolapse_js.js"],
  define: { "process.env.NODE_ENV": '"production"' },
};

/** The module of our own client. */
export function readModule() {
  return readFile(join(INSTALLED, "nolapse_bg.wasm"));
}

/** Its script for a page's head. */
export function readEarly() {
  return readFile(join(INSTALLED, "early.js"));
}

/**
 * A client with the few lines that use it, and nothing else: not the chunks that it loads when they are needed.
 *
 * @param {string} script of `clients`
 */
export async function bundleClient(script) {
  const { outputFiles } = await build({
    ...ALIKE,
    external: CHUNKS,
    entryPoints: [join(CLIENTS, script)],
    write: false,
  });
  return Buffer.from(outputFiles[0]?.contents ?? "");
}

/**
 * The files of a client's page, by path.
 *
 * @param {import("./contestants.mjs").Contestant} contestant
 * @param {Record<import("./mocks/server.mjs").Part, string>} origins
 * @returns {Promise<Map<string, File>>}
 */
export async function makeSite({ script, client, isJoined, isEarly }, origins) {
  const javascript = (/** @type {string | Uint8Array} */ body) => ({ type: "text/javascript", body });
  const together = { auth: origins.page, api: origins.page };
  const apart = { auth: origins.auth, api: isJoined ? origins.auth : origins.api };
  return new Map([
    [TOGETHER, page(together, isEarly ? await inHead(together) : "", CLIENT)],
    [APART, page(apart, isEarly ? await inHead(apart) : "", CLIENT)],
    [COSTS, page(together, '<script src="/assets/stub.js"></script>', CLIENT)],
    [WITHOUT, page(together, '<script type="module" src="/assets/without.js"></script>')],
    ["/assets/client.js", javascript(await bundlePage(script, client))],
    ["/assets/without.js", javascript(await bundlePage("without.mjs", "without"))],
    ["/assets/stub.js", javascript(await readFile(join(FOLDER, "stub.js")))],
    [MODULE, { type: "application/wasm", body: await readModule() }],
  ]);
}

/**
 * What our page's head begins before the bundle is loaded, with the script's text in the page.
 *
 * @param {{ auth: string }} servers
 */
async function inHead({ auth }) {
  return early(MODULE, `<script data-auth="${auth}">${(await readEarly()).toString()}</script>`);
}

/**
 * The script of a page with a client.
 *
 * @param {string} script of `clients`
 * @param {string} client its name in that script
 */
async function bundlePage(script, client) {
  const contents = `import { ${client} as client } from "./clients/${script}"; import { run } from "./page.mjs"; run(client);`;
  const { outputFiles } = await build({
    ...ALIKE,
    stdin: { contents, resolveDir: FOLDER },
    banner: { js: 'performance.mark("script-start");' },
    write: false,
  });
  return outputFiles[0]?.contents ?? "";
}

/**
 * @param {{ auth: string, api: string }} servers the origins of the client's servers
 * @param {readonly string[]} scripts
 */
function page(servers, ...scripts) {
  const told = `<script>window.servers = ${JSON.stringify(servers)}</script>`;
  const icon = '<link rel="icon" href="data:,">';
  const head = `<meta charset="utf-8"><title>a client</title>${icon}${told}${scripts.join("")}`;
  return { type: "text/html", body: `<!doctype html><html lang="en"><head>${head}</head><body></body></html>\n` };
}
