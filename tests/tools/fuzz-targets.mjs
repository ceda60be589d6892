/**
 * Coverage-guided fuzzing on stable Rust: the targets of `www-demo/server/fuzz` are those of cargo-fuzz, whose flags for
 * the compiler are all stable as long as no sanitizer is asked for.
 */

import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { cargoArtifacts } from "../../pkg-template/tools/cargo.mjs";
import { root, run, which } from "../../pkg-template/tools/process.mjs";
import { Remedy, step } from "../../pkg-template/tools/step.mjs";
import { installPackages } from "./system.mjs";

/** The fuzz targets, one program each. */
export const TARGETS = ["token", "cookie", "feed", "json", "query"];

const FOLDER = join(root, "www-demo", "server", "fuzz");

/** Instruments edges and comparisons, libFuzzer's feedback. */
const COVERAGE = [
  "--cfg fuzzing",
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
  "-Cllvm-args=-sanitizer-coverage-trace-compares",
].join(" ");

/**
 * Fuzzes each target for the given time. An input that breaks a check is printed and added to `regressions`, which the native
 * tests replay.
 *
 * @param {number} seconds
 * @param {readonly string[]} [targets]
 */
export async function fuzz(seconds, targets = TARGETS) {
  const programs = await buildFuzzTargets();
  const waiting = [...targets];
  const worker = async () => {
    for (let target = waiting.shift(); target; target = waiting.shift()) {
      await fuzzOne(target, programs.get(target) ?? "", seconds);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

/** @type {Promise<Map<string, string>> | undefined} */
let built;

/**
 * Builds the targets, once.
 *
 * @returns {Promise<Map<string, string>>} the programs by target
 */
export function buildFuzzTargets() {
  built ??= build();
  return built;
}

async function build() {
  return step("fuzz targets", async (watch) => {
    await checkCompiler(watch);
    const { stdout: version } = await run("rustc", ["--version", "--verbose"], { watch });
    const host = /^host: (.+)$/m.exec(version)?.[1] ?? "";
    // With an explicit `--target`, `RUSTFLAGS` do not apply to build scripts and procedural macros.
    const parameters = ["build", "--package", "nolapse-server-fuzz", "--bins", "--profile", "fuzz", "--target", host];
    const made = await cargoArtifacts([...parameters, "--locked"], { env: { RUSTFLAGS: COVERAGE }, watch });
    const programs = made.filter(({ executable }) => executable);
    return new Map(programs.map(({ target, executable }) => [target.name, executable ?? ""]));
  });
}

/** libFuzzer is compiled with the system's C++ compiler. @param {(line: string) => void} watch */
async function checkCompiler(watch) {
  if (process.platform === "win32") throw new Remedy("Fuzzing needs Linux or macOS.");
  if (which("c++") || (await installPackages(["g++"], watch))) return;
  throw new Remedy("Fuzzing needs a C++ compiler (`c++`): install your system's package for it, such as g++.");
}

/**
 * @param {string} target
 * @param {string} program
 * @param {number} seconds
 */
async function fuzzOne(target, program, seconds) {
  const corpus = join(root, ".cache", "fuzz", target);
  const kept = join(FOLDER, "regressions", target);
  for (const folder of [corpus, kept]) await mkdir(folder, { recursive: true });
  const limits = [`-max_total_time=${seconds}`, "-max_len=4096", "-timeout=5", "-rss_limit_mb=1024"];
  await step(
    `fuzzing ${target} for ${seconds} s`,
    async (watch) => {
      const folders = [corpus, join(FOLDER, "seeds", target), kept];
      const { output } = await run(program, [...limits, `-artifact_prefix=${kept}/`, ...folders], { watch });
      return /Done (\d+) runs/.exec(output)?.[1] ?? "0";
    },
    (runs) => `${runs} inputs`,
  );
}
