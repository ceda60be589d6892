/** The crate of the recipes in Rust, and of its library's judge. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { freePort } from "../e2e/harness/ports.mjs";
import { root, run } from "../../pkg-template/tools/process.mjs";
import { readRecipes } from "./recipes.mjs";
import { runProgram } from "./running.mjs";

/** The crate without the recipes. */
const CRATE = join(root, "tests", "apis", "rust");

/** The crate with the recipes. */
const FOLDER = join(root, ".cache", "apis-rust");

/** What is compiled, kept between runs. */
const TARGET = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/** The servers of the recipes. */
const SERVERS = ["axum", "actix"];

/**
 * Compiles the crate with the recipes: two minutes the first time, most of it for two servers and the arithmetic of RSA, and
 * a second where nothing has changed.
 *
 * @returns {Promise<(name: string) => string>} the program of a name
 */
export async function buildRust() {
  await mkdir(FOLDER, { recursive: true });
  for (const name of ["Cargo.toml", "Cargo.lock"]) await cp(join(CRATE, name), join(FOLDER, name));
  const bin = join(FOLDER, "src", "bin");
  const recipes = await readRecipes("rust");
  for (const name of SERVERS) {
    await writeIfChanged(join(bin, `with_${name}`, "main.rs"), recipes.get(name) ?? "");
    await writeIfChanged(join(bin, `with_${name}`, "tokens.rs"), recipes.get("tokens") ?? "");
  }
  await writeIfChanged(join(bin, "table.rs"), await readFile(join(CRATE, "src", "bin", "table.rs"), "utf8"));
  await run("cargo", ["fmt", "--check"], { cwd: FOLDER });
  await run("cargo", ["build", "--quiet", "--locked", "--bins", "--target-dir", TARGET], { cwd: FOLDER });
  const ending = process.platform === "win32" ? ".exe" : "";
  return (name) => join(TARGET, "debug", name + ending);
}

/**
 * Runs a server's recipe, at an auth server.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} name
 * @param {{ auth: string, api: string }} addresses of the issuer, and of the audience
 * @returns {Promise<string>} the URL of its route
 */
export async function runRust(t, name, { auth, api }) {
  const program = await buildRust();
  const port = `${await freePort()}`;
  const url = `http://localhost:${port}/me`;
  const env = { PORT: port, ISSUER: auth, AUDIENCE: api };
  await runProgram(t, name, url, { command: program(`with_${name}`), parameters: [], cwd: FOLDER, env });
  return url;
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
