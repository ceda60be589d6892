/** The test page: blank, with the packed package beside it. */

import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../../pkg-template/tools/process.mjs";

/** The package as `npm install` of the tarball gives it. */
const INSTALLED = join(root, "node_modules", "nolapse");

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>nolapse test page</title>
    <link rel="icon" href="data:," />
  </head>
  <body></body>
</html>
`;

/**
 * Makes the folder that the server serves: `/` and `/blank.html` are blank, the package is at `/nolapse/`.
 *
 * @param {string} folder where to make it
 * @returns {Promise<string>} the folder for `SITE_DIR`
 */
export async function makeTestSite(folder) {
  const site = join(folder, "site");
  await mkdir(site, { recursive: true });
  for (const name of ["index.html", "blank.html"]) await writeFile(join(site, name), PAGE);
  await cp(INSTALLED, join(site, "nolapse"), { recursive: true });
  return site;
}
