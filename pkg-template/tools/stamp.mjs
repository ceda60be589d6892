/** Skips work whose inputs and outputs have not changed since it was last done. */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { root } from "./process.mjs";

/** The folder of the stamps. */
const STAMPS = join(root, ".cache", "stamps");

/**
 * Work whose outputs depend on its inputs alone: files and folders below the checkout; `facts` are other inputs, such as a
 * tool's version.
 *
 * @typedef {{ name: string, inputs: readonly string[], facts?: readonly string[], outputs: readonly string[] }} Work
 */

/**
 * Does the work, unless neither its inputs nor its outputs have changed since it was last done.
 *
 * @param {Work} what
 * @param {() => Promise<void>} work
 * @returns {Promise<"done" | "fresh">}
 */
export async function unlessFresh(what, work) {
  if (await isFresh(what)) return "fresh";
  const stamp = join(STAMPS, what.name);
  const before = await fingerprint(what.inputs, what.facts);
  await rm(stamp, { force: true });
  await work();
  await mkdir(STAMPS, { recursive: true });
  await writeFile(stamp, `${before} ${await fingerprint(what.outputs)}`);
  return "done";
}

/**
 * Whether neither inputs nor outputs have changed since the work was last done.
 *
 * @param {Work} what
 * @returns {Promise<boolean>}
 */
export async function isFresh({ name, inputs, facts, outputs }) {
  const last = await readFile(join(STAMPS, name), "utf8").catch(() => "");
  return last === `${await fingerprint(inputs, facts)} ${await fingerprint(outputs)}`;
}

/**
 * A hash of names and contents.
 *
 * @param {readonly string[]} paths files and folders below the checkout; one that is missing counts as such
 * @param {readonly string[]} [facts]
 * @returns {Promise<string>}
 */
export async function fingerprint(paths, facts = []) {
  const hash = createHash("sha256").update(JSON.stringify(facts));
  for (const path of paths) {
    const files = await filesBelow(join(root, path));
    if (files.length === 0) hash.update(`\0missing ${path}`);
    for (const file of files) {
      hash.update(`\0${relative(root, file).replaceAll("\\", "/")}\0`).update(await readFile(file));
    }
  }
  return hash.digest("hex");
}

/**
 * All files at or below a path, sorted.
 *
 * @param {string} path
 * @returns {Promise<string[]>}
 */
export async function filesBelow(path) {
  const found = await stat(path).catch(() => undefined);
  if (!found) return [];
  if (found.isFile()) return [path];
  const names = (await readdir(path)).filter((name) => name !== "node_modules" && name !== "dist").sort();
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}
