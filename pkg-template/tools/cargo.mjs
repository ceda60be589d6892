/** Runs cargo, prints its progress, and returns the files that it built. */

import { run } from "./process.mjs";

/** @typedef {{ target: { name: string }, filenames: string[], executable: string | null }} Artifact */

/** Makes cargo draw its bar into a pipe, too: the bar has the number of crates (Cargo Book, `term.progress`). */
const WITH_BAR = { CARGO_TERM_PROGRESS_WHEN: "always", CARGO_TERM_PROGRESS_WIDTH: "100" };

/** The bar: `Building [=====>   ] 143/310: serde, syn`; it counts build scripts, too, and may arrive in pieces. */
const BAR = /\[[= >]*\] (\d+)\/(\d+)/;

/**
 * Runs a command of cargo's.
 *
 * @param {readonly string[]} parameters
 * @param {Parameters<typeof run>[2]} [options]
 * @returns {Promise<{ stdout: string, output: string }>} without the bar
 */
export async function cargo(parameters, { watch = () => {}, env = {}, ...rest } = {}) {
  return await run("cargo", parameters, {
    ...rest,
    env: { ...WITH_BAR, ...env },
    watch: (line) => watch(progressIn(line) ?? line),
    drop: (line) => BAR.test(line),
  });
}

/**
 * Reads the progress in a line of cargo's output.
 *
 * @param {string} line
 * @returns {string | undefined}
 */
export function progressIn(line) {
  const [, done, all] = BAR.exec(line) ?? [];
  return all === undefined ? undefined : `compiled ${done} of ${all} crates`;
}

/**
 * Builds, and returns the files that were built.
 *
 * @param {readonly string[]} parameters
 * @param {Parameters<typeof run>[2]} [options]
 * @returns {Promise<Artifact[]>} fresh ones, too
 */
export async function cargoArtifacts(parameters, options) {
  const [command = "", ...rest] = parameters;
  const { stdout } = await cargo([command, "--message-format", "json-render-diagnostics", ...rest], options);
  const lines = stdout.split("\n").filter((line) => line.startsWith('{"reason":"compiler-artifact"'));
  return lines.map((line) => JSON.parse(line));
}

/** Programs that are built, or have been, in this process: cargo lets one build wait for another. @type {Map<string, Promise<string>>} */
const programs = new Map();

/**
 * Builds the program of a package of the workspace, once.
 *
 * @param {string} name of the package and of its program
 * @param {{ watch?: (line: string) => void, profile?: string }} [options] `profile`: the one for tests and tools, which is
 *   quick to compile, unless another is given
 * @returns {Promise<string>} the program's file
 */
export function cargoProgram(name, { watch = () => {}, profile = "dev" } = {}) {
  const key = `${name} ${profile}`;
  const program = programs.get(key) ?? build(name, profile, watch);
  programs.set(key, program);
  return program;
}

/**
 * @param {string} name
 * @param {string} profile
 * @param {(line: string) => void} watch
 */
async function build(name, profile, watch) {
  const made = await cargoArtifacts(["build", "--profile", profile, "--package", name, "--locked"], { watch });
  const program = made.findLast((each) => each.target.name === name && each.executable !== null)?.executable;
  if (!program) throw new Error(`cargo built no program ${name}`);
  return program;
}
