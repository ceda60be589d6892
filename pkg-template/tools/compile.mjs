/** Compiles the crate to the modules of the package. Builds are reproducible: the same inputs give the same bytes anywhere. */

import { homedir } from "node:os";
import { join } from "node:path";

import { cargoArtifacts } from "./cargo.mjs";
import { root, run } from "./process.mjs";
import { fingerprint } from "./stamp.mjs";

/** Inputs of the compiled modules. */
export const RUST_INPUTS = ["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];

/**
 * LLVM's size optimisation does not account for brotli: small functions are shorter inlined than called (its own threshold
 * is 5), and duplicate instructions at both ends of a branch compress to nothing.
 */
const FOR_BROTLI = ["-Cllvm-args=-inline-threshold=12", "-Cllvm-args=-simplifycfg-sink-common=false"];

/**
 * The stack of the default module, in bytes: an input needs less than 4 kB of it. The linker reserves 1 MiB otherwise, and
 * addresses behind it take a byte more each. A module that parses JSON, which nests, keeps that.
 */
const STACK = 65_536;

/**
 * The build id that facade and module share: 48 bits of a hash of the module's inputs, as a number.
 *
 * @returns {Promise<string>}
 */
export async function currentBuildId() {
  const compiler = (await run("rustc", ["-vV"])).stdout;
  return `${Number.parseInt((await fingerprint(RUST_INPUTS, [compiler])).slice(0, 12), 16)}`;
}

/**
 * Compiles the crate for browsers.
 *
 * @param {string} features
 * @param {string} buildId
 * @param {(line: string) => void} watch
 * @param {string} [checkout] the folder of the crate, whose own `target` is used
 * @param {readonly string[]} [flags] for the compiler, besides those of every build
 * @returns {Promise<string>} the module's file
 */
export async function compile(features, buildId, watch, checkout = root, flags = []) {
  const parameters = [
    "rustc",
    "--release",
    "--lib",
    "--crate-type",
    "cdylib",
    "--no-default-features",
    "--features",
    features,
  ];
  const target = ["--target", "wasm32-unknown-unknown", "--locked"];
  const stack = features.includes("verify") ? [] : ["--", `-Clink-arg=-zstack-size=${STACK}`];
  const made = await cargoArtifacts([...parameters, ...target, ...stack], {
    cwd: checkout,
    env: {
      CARGO_ENCODED_RUSTFLAGS: [...FOR_BROTLI, ...flags, ...(await remappings(checkout))].join("\x1f"),
      NOLAPSE_BUILD_ID: buildId,
    },
    watch,
  });
  const files = made.flatMap(({ filenames }) => filenames);
  const module = files.findLast((file) => file.endsWith("nolapse.wasm"));
  if (!module) throw new Error("cargo built no nolapse.wasm");
  return module;
}

/**
 * Compiler flags that remap local paths in the module: panics contain the paths of their source files.
 *
 * @param {string} checkout
 */
async function remappings(checkout) {
  const sysroot = (await run("rustc", ["--print", "sysroot"])).stdout.trim();
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  return [
    `--remap-path-prefix=${join(cargoHome, "registry", "src")}=/crates`,
    `--remap-path-prefix=${join(sysroot, "lib", "rustlib", "src", "rust")}=/rust`,
    `--remap-path-prefix=${checkout.replace(/[\\/]$/, "")}=/nolapse`,
  ];
}
