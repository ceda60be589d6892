/** The packed `nolapse/server` beside its peer dependency, as an API has them. */

import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { root } from "../../pkg-template/tools/process.mjs";
import { INSTALLED } from "../npm/package.mjs";

/** Apps below this folder find the packages of `tests/apis`. */
const FOLDER = join(root, ".cache", "apis");

/**
 * Makes an app that has the package.
 *
 * @param {Record<string, string>} [files] names and contents
 * @returns {Promise<{ folder: string, remove: () => Promise<void> }>}
 */
export async function makeApp(files = {}) {
  await mkdir(FOLDER, { recursive: true });
  const folder = await mkdtemp(join(FOLDER, "app-"));
  await cp(INSTALLED, join(folder, "node_modules", "nolapse"), { recursive: true });
  const manifest = JSON.stringify({ name: "app", private: true, type: "module" });
  for (const [name, text] of Object.entries({ "package.json": manifest, ...files }))
    await writeFile(join(folder, name), text);
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Imports the packed entry, as a copy of its own: no other has its cache of key sets.
 *
 * @param {import("node:test").TestContext | { after: (work: () => Promise<void>) => void }} test the copy is removed with it
 * @returns {Promise<typeof import("nolapse/server")>}
 */
export async function importServer(test) {
  const { folder, remove } = await makeApp();
  test.after(remove);
  return import(pathToFileURL(join(folder, "node_modules", "nolapse", "server.js")).href);
}
