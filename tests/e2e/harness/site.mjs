/** The test page: blank, with the packed package beside it. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { root } from "../../../pkg-template/tools/process.mjs";
import { listen } from "./listen.mjs";

/** The package as `npm install` of the tarball gives it. */
const INSTALLED = join(root, "node_modules", "nolapse");

/**
 * A blank page.
 *
 * @param {string} [script] an element of its head
 */
function blankPage(script = "") {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>nolapse test page</title>
    <link rel="icon" href="data:," />
    ${script}
  </head>
  <body></body>
</html>
`;
}

/**
 * What `docs/install.md` has a page's head begin before the bundle is loaded: the module's download and the first refresh.
 *
 * @param {string} place the URL of the module
 * @param {string} [script] the element with the script of the first refresh
 */
export function early(place, script = '<script src="/nolapse/early.js"></script>') {
  return `<link rel="preload" as="fetch" type="application/wasm" crossorigin href="${place}">${script}`;
}

/** Where an app keeps the module: below `/assets`, files may be cached. */
const MODULE = "/assets/nolapse_bg.wasm";

/** An app whose session is created while the page is loading. */
const APP = `import { createSession } from "/nolapse/index.js";
const api = new URLSearchParams(location.search).get("api");
window.session = createSession({ auth: location.origin, allowedOrigins: [api], wasm: "${MODULE}" });
`;

/**
 * Makes the folder that the server serves: `/` and `/blank.html` are blank, `/early.html` begins the first refresh in its head,
 * `/app.html` creates a session beside that, and the package is at `/nolapse/`.
 *
 * @param {string} folder where to make it
 * @returns {Promise<string>} the folder for `SITE_DIR`
 */
export async function makeTestSite(folder) {
  const site = join(folder, "site");
  await mkdir(site, { recursive: true });
  for (const name of ["index.html", "blank.html"]) await writeFile(join(site, name), blankPage());
  await writeFile(join(site, "early.html"), blankPage(early("/nolapse/nolapse_bg.wasm")));
  await writeFile(join(site, "app.html"), blankPage(`${early(MODULE)}<script type="module" src="/app.js"></script>`));
  await writeFile(join(site, "app.js"), APP);
  await cp(INSTALLED, join(site, "nolapse"), { recursive: true });
  await cp(join(INSTALLED, "nolapse_bg.wasm"), join(site, MODULE));
  return site;
}

/** The types of the files of the test page. @type {Record<string, string>} */
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/**
 * Serves that folder on another origin of the same site as the auth server.
 *
 * @param {import("node:test").TestContext} test
 * @param {string} site
 * @param {Record<string, string>} [headers] further headers of each response
 * @returns {Promise<string>} the origin
 */
export async function serveSite(test, site, headers = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const body = await readFile(join(site, normalize(pathname))).catch(() => undefined);
    const type = TYPES[extname(pathname)] ?? "application/octet-stream";
    response.writeHead(body ? 200 : 404, { "content-type": type, ...headers }).end(body);
  });
  return (await listen(test, server)).replace("127.0.0.1", "localhost");
}
