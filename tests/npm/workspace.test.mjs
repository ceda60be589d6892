import assert from "node:assert/strict";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { read } from "../docs/documents.mjs";
import { LOCKED } from "../tools/packages.mjs";

/** The most that `npm ci` may write at the root, in MiB: it is downloaded before anything is built. */
const MOST = 250;

test("the packages of the root take no more than a newcomer waits for", {
  skip: process.platform !== "linux",
}, async () => {
  const { packages } = JSON.parse(await read("package-lock.json"));
  const folders = Object.keys(packages).filter((folder) => folder !== "");

  const size = (await Promise.all(folders.map((folder) => ownSize(join(root, folder))))).reduce(
    (sum, one) => sum + one,
  );

  assert.ok(size > 2 ** 20, "no package was found");
  assert.ok(size <= MOST * 2 ** 20, `${Math.round(size / 2 ** 20)} MiB`);
});

test("each folder with packages has a reason for each, and npm's settings, under which lock files name no host", async () => {
  const settings = await read(".npmrc");

  for (const folder of LOCKED) {
    const manifest = JSON.parse(await read(join(folder, "package.json")));
    assert.deepEqual(Object.keys(manifest["//devDependencies"]), Object.keys(manifest.devDependencies), folder);
    assert.equal(await read(join(folder, ".npmrc")), settings, folder);
  }
});

test("a package that several folders have is of one version", async () => {
  /** @type {Map<string, string>} */
  const versions = new Map();

  for (const folder of LOCKED) {
    const { devDependencies } = JSON.parse(await read(join(folder, "package.json")));
    for (const [name, version] of Object.entries(devDependencies)) {
      assert.equal(versions.get(name) ?? version, version, `${name} in ${folder}`);
      versions.set(name, version);
    }
  }
});

/**
 * The bytes of a package's files, without the packages in it.
 *
 * @param {string} path
 * @returns {Promise<number>}
 */
async function ownSize(path) {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return 0;
  if (!found.isDirectory()) return found.size;
  const names = (await readdir(path)).filter((name) => name !== "node_modules");
  return (await Promise.all(names.map((name) => ownSize(join(path, name))))).reduce((sum, one) => sum + one, 0);
}
