/** Installs npm packages: those of the checkout, and those of folders of the tests that have a lock file of their own. */

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { npm, root } from "../../pkg-template/tools/process.mjs";
import { step } from "../../pkg-template/tools/step.mjs";

/** The checkout: packages that build and check. */
const ROOT = ".";

/**
 * Folders of the tests with packages of their own, which are installed by the stages that need them, and all by the one
 * that checks types.
 */
export const TEST_PACKAGES = /** @type {const} */ ([
  "tests",
  "tests/npm",
  "tests/packed",
  "tests/docs",
  "tests/apis",
  "tests/providers",
  "tests/bench",
]);

/** The folder whose packages no test imports: they are run by their commands. They take more disk than all others. */
export const FRAMEWORKS = "tests/frameworks";

/** Every folder that has a lock file. */
export const LOCKED = [ROOT, ...TEST_PACKAGES, FRAMEWORKS];

/** Folders below `.cache` for what tests write and run, and whose packages it finds there. */
const BORROWED = new Map([
  ["tests/packed", "packed"],
  ["tests/docs", "docs"],
  ["tests/apis", "apis"],
]);

/** Installations of this process, under way or done. @type {Map<string, Promise<void>>} */
const installed = new Map();

/**
 * Installs the packages of folders, one after the other, unless they are those of the lock file.
 *
 * @param {readonly ((typeof TEST_PACKAGES)[number] | typeof FRAMEWORKS)[]} [folders] the checkout's own, unless others are given
 * @returns {Promise<void>}
 */
export async function setUpPackages(folders) {
  for (const folder of folders ?? [ROOT]) {
    const ready = installed.get(folder) ?? setUpFolder(folder);
    installed.set(folder, ready);
    await ready;
  }
}

/** @param {string} folder */
async function setUpFolder(folder) {
  if (await isInstalled(folder)) return;
  await step(folder === ROOT ? "npm ci" : `npm ci in ${folder}`, (watch) => install(folder, watch));
}

/** @param {string} folder */
async function isInstalled(folder) {
  return (await readFile(stampOf(folder), "utf8").catch(() => "")) === (await lockOf(folder));
}

/**
 * @param {string} folder
 * @param {(line: string) => void} watch
 */
async function install(folder, watch) {
  await npm(["ci"], { cwd: join(root, folder), watch });
  const borrower = BORROWED.get(folder);
  if (borrower) await lend(folder, join(root, ".cache", borrower));
  await writeFile(stampOf(folder), await lockOf(folder));
}

/**
 * Lets files in a folder find the packages of another.
 *
 * @param {string} folder
 * @param {string} borrower
 */
async function lend(folder, borrower) {
  await mkdir(borrower, { recursive: true });
  await rm(join(borrower, "node_modules"), { recursive: true, force: true });
  // Windows needs no privilege for a junction; other systems create a symbolic link.
  await symlink(join(root, folder, "node_modules"), join(borrower, "node_modules"), "junction");
}

/** The hash of the lock file from which the packages were installed. @param {string} folder */
function stampOf(folder) {
  return join(root, folder, "node_modules", ".installed-lock");
}

/** @param {string} folder */
async function lockOf(folder) {
  const lock = await readFile(join(root, folder, "package-lock.json"));
  return createHash("sha256").update(lock).digest("hex");
}
