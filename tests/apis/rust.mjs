/** The crate of the recipes in Rust, and of its library's judge. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { root, run } from "../../pkg-template/tools/process.mjs";

/** The crate without the recipes. */
const CRATE = join(root, "tests", "apis", "rust");

/** The crate with the recipes. */
const FOLDER = join(root, ".cache", "apis-rust");

/** What is compiled, kept between runs. */
const TARGET = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/**
 * Compiles the crate with files from recipes: two minutes the first time, most of it for two servers and the arithmetic of
 * RSA, and a second where nothing has changed.
 *
 * @param {Readonly<Record<string, string>>} files texts by their places in the crate
 * @returns {Promise<(name: string) => string>} the program of a name
 */
export async function buildRust(files) {
  await mkdir(FOLDER, { recursive: true });
  for (const name of ["Cargo.toml", "Cargo.lock"]) await cp(join(CRATE, name), join(FOLDER, name));
  const table = join("src", "bin", "table.rs");
  const texts = { ...files, [table]: await readFile(join(CRATE, table), "utf8") };
  for (const [place, text] of Object.entries(texts)) await writeIfChanged(join(FOLDER, place), text);
  await run("cargo", ["build", "--quiet", "--locked", "--bins", "--target-dir", TARGET], { cwd: FOLDER });
  const ending = process.platform === "win32" ? ".exe" : "";
  return (name) => join(TARGET, "debug", name + ending);
}

/**
 * Writes a file unless it has that text: cargo compiles what was written.
 *
 * @param {string} file
 * @param {string} text
 */
async function writeIfChanged(file, text) {
  if ((await readFile(file, "utf8").catch(() => undefined)) === text) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
