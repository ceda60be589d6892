/**
 * Builds the npm package in `pkg/`, packs it, and unpacks the tarball to `node_modules/nolapse`.
 *
 * cargo → wasm-bindgen → wasm-opt → minified glue → the files of this folder. Steps with unchanged inputs are skipped, and
 * builds are reproducible: the same inputs give the same bytes on any machine.
 */

import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { openGlue } from "../tests/tools/glue.mjs";
import { shortenImports } from "../tests/tools/imports.mjs";
import { npm, root, run, tool } from "../tests/tools/process.mjs";
import { fingerprint, unlessFresh } from "../tests/tools/stamp.mjs";
import { step } from "../tests/tools/step.mjs";

/** A build of the crate in the package. @typedef {{ name: string, features: string }} Build */

/** The default module, and the one that verifies signatures. @type {readonly Build[]} */
const BUILDS = [
  { name: "nolapse", features: "npm" },
  { name: "nolapse_verify", features: "npm,verify" },
];

/** Inputs of the compiled modules. */
export const RUST_INPUTS = ["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];

/** Tools that process the modules. */
const TOOL_INPUTS = [
  "tests/tools/src",
  "tests/tools/glue.mjs",
  "tests/tools/imports.mjs",
  "tests/tools/traps.mjs",
  "tests/tools/Cargo.toml",
  "package-lock.json",
  "pkg-template/build.mjs",
];

/** Type declarations of generated files: used to type-check the entry points, not published. */
const PRIVATE_TYPES = [...BUILDS.map(({ name }) => `${name}.d.ts`), "nolapse_bytes.d.ts"];

/**
 * wasm-opt flags for the smallest compressed module. Functions with one caller and more than 200 instructions are not
 * inlined: their locals would get indices too high for the short encoding. The lowest 1,024 bytes of memory are the end of
 * the stack, which no pointer with an offset refers to.
 */
const SMALLEST = [
  "-Oz",
  "--converge",
  "-ocimfs",
  "200",
  "-aimfs",
  "6",
  "--low-memory-unused",
  "--strip-debug",
  "--strip-target-features",
];

/**
 * LLVM's size optimisation does not account for brotli: small functions are shorter inlined than called (its own threshold
 * is 5), and duplicate instructions at both ends of a branch compress to nothing.
 */
const FOR_BROTLI = ["-Cllvm-args=-inline-threshold=12", "-Cllvm-args=-simplifycfg-sink-common=false"];

/** The script that passes commands from the module to its host. */
const BRIDGE = "bridge.js";

/** The bundled scripts: those with imports from folders. */
const BUNDLED = ["facade.js", "testing.js", "verify.js"];

const TEMPLATE = join(root, "pkg-template");
const PACKAGE = join(root, "pkg");
const INSTALLED = join(root, "node_modules", "nolapse");

/** The tarball that `npm publish` would upload. */
export const TARBALL = join(root, ".cache", "nolapse.tgz");

/**
 * Builds the package if any input has changed.
 *
 * @returns {Promise<void>}
 */
export async function buildPackage() {
  await step(
    "package",
    async (watch) => {
      const compiler = (await run("rustc", ["-vV"])).stdout;
      const everything = {
        name: "package",
        inputs: [...RUST_INPUTS, ...TOOL_INPUTS, "pkg-template", "LICENSE-MIT", "LICENSE-APACHE"],
        facts: [compiler],
        outputs: ["pkg", ".cache/nolapse.tgz", "node_modules/nolapse"],
      };
      return unlessFresh(everything, async () => {
        const buildId = await currentBuildId();
        for (const build of BUILDS) await buildModule(build, buildId, watch);
        await assemble(buildId);
        await install(watch);
      });
    },
    (outcome) => (outcome === "fresh" ? "unchanged" : ""),
  );
}

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
 * Compiles one module and writes it, with its glue, to `target/npm`.
 *
 * @param {Build} build
 * @param {string} buildId
 * @param {(line: string) => void} watch
 */
async function buildModule({ name, features }, buildId, watch) {
  console.log(`  compiling the crate with the features ${features}`);
  const compiled = await compile(features, buildId, watch);
  const inputs = [`target/npm/${name}.wasm`, ...TOOL_INPUTS];
  await mkdir(join(root, "target/npm"), { recursive: true });
  await copyFile(compiled, join(root, `target/npm/${name}.wasm`));
  const folder = `target/npm/${name}`;
  await unlessFresh({ name, inputs, outputs: [folder] }, async () => {
    await rm(join(root, folder), { recursive: true, force: true });
    await bind(name, folder, watch);
    await shrink(name, folder, watch);
  });
}

/**
 * Compiles the crate for browsers.
 *
 * @param {string} features
 * @param {string} buildId
 * @param {(line: string) => void} watch
 * @param {string} [checkout] the folder of the crate, whose own `target` is used
 * @returns {Promise<string>} the module's file
 */
export async function compile(features, buildId, watch, checkout = root) {
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
  const target = ["--target", "wasm32-unknown-unknown", "--message-format", "json-render-diagnostics", "--locked"];
  const { stdout } = await run("cargo", [...parameters, ...target], {
    cwd: checkout,
    env: {
      CARGO_ENCODED_RUSTFLAGS: [...FOR_BROTLI, ...(await remappings(checkout))].join("\x1f"),
      NOLAPSE_BUILD_ID: buildId,
    },
    watch,
  });
  const files = stdout
    .split("\n")
    .filter((line) => line.startsWith('{"reason":"compiler-artifact"'))
    .flatMap((line) => JSON.parse(line).filenames);
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

/**
 * @param {string} name
 * @param {string} folder
 * @param {(line: string) => void} watch
 */
async function bind(name, folder, watch) {
  console.log(`  wasm-bindgen ${name}`);
  // `cargo xtask` is silent; building it here shows the progress.
  await run("cargo", ["build", "--profile", "xtask", "--package", "xtask"], { watch });
  const files = ["--out-dir", folder, "--out-name", name];
  const parameters = ["--target", "bundler", ...files, "--remove-producers-section"];
  await run("cargo", ["xtask", "wasm-bindgen", `target/npm/${name}.wasm`, ...parameters], { watch });
}

/**
 * @param {string} name
 * @param {string} folder
 * @param {(line: string) => void} watch
 */
async function shrink(name, folder, watch) {
  console.log(`  wasm-opt ${name}`);
  const module = join(folder, `${name}_bg.wasm`);
  // Imported dynamically: the packages may not be installed before setup.
  const { build } = await import("esbuild");
  const { silencePanics } = await import("../tests/tools/traps.mjs");
  await writeFile(join(root, module), silencePanics(await readFile(join(root, module))));
  await tool("binaryen/bin/wasm-opt", [...SMALLEST, module, "-o", module], { watch });
  const file = `${name}_bg.js`;
  const { glue, script } = openGlue(await readFile(join(root, folder, file), "utf8"), `./${file}`);
  const short = shortenImports(await readFile(join(root, module)), script);
  await writeFile(join(root, module), short.module);
  await writeFile(join(root, folder, "glue.js"), glue);
  const { outputFiles } = await build({
    ...BUNDLE,
    stdin: { contents: short.glue, resolveDir: join(root, folder) },
    minify: true,
    // Machines are freed explicitly. A FinalizationRegistry could free one in the wrong instance.
    define: { FinalizationRegistry: "undefined", "Symbol.dispose": "undefined" },
  });
  await writeFile(join(root, folder, `${name}.js`), outputFiles[0]?.contents ?? "");
}

/**
 * Options of the bundler. `bridge.js` stays a separate file, because module and host must share one instance of it. So do
 * the facade, which other entry points share, and the script of `nolapse_verify`, which is generated elsewhere.
 *
 * @type {import("esbuild").BuildOptions & { write: false }}
 */
const BUNDLE = {
  bundle: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  write: false,
  plugins: [
    {
      name: "shared",
      setup: ({ onResolve }) =>
        onResolve({ filter: /^\.\/(facade|nolapse|nolapse_bytes|nolapse_verify)\.js$/ }, ({ path }) => ({
          path,
          external: true,
          sideEffects: false,
        })),
    },
    {
      name: "bridge",
      setup: ({ onResolve }) =>
        onResolve({ filter: /\/(bridge|generated\/host)\.js$/ }, () => ({
          path: `./${BRIDGE}`,
          external: true,
          sideEffects: false,
        })),
    },
  ],
};

/**
 * Bundles a script of this folder with its imports from the crate.
 *
 * @param {string} file
 */
async function bundled(file) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({ ...BUNDLE, entryPoints: [file] });
  return outputFiles[0]?.text ?? "";
}

/**
 * Writes the package's files.
 *
 * @param {string} buildId replaces `__NOLAPSE_BUILD_ID__` in the facade
 */
async function assemble(buildId) {
  await rm(PACKAGE, { recursive: true, force: true });
  await mkdir(PACKAGE);
  for (const { name } of BUILDS) {
    for (const file of [`${name}.js`, `${name}_bg.wasm`]) {
      await copyFile(join(root, "target/npm", name, file), join(PACKAGE, file));
    }
  }
  for (const file of (await readdir(TEMPLATE)).filter((name) => /\.(js|ts|cts|md)$/.test(name))) {
    if (PRIVATE_TYPES.includes(file)) continue;
    const path = join(TEMPLATE, file);
    const text = BUNDLED.includes(file) ? await bundled(path) : await readFile(path, "utf8");
    await writeFile(join(PACKAGE, file), text.replaceAll("__NOLAPSE_BUILD_ID__", buildId));
  }
  const base64 = (await readFile(join(PACKAGE, "nolapse_bg.wasm"))).toString("base64");
  await writeFile(join(PACKAGE, "nolapse_bytes.js"), `export default "${base64}";\n`);
  await copyFile(join(root, "src", "host", BRIDGE), join(PACKAGE, BRIDGE));
  await bundleForRequire("testing");
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) await copyFile(join(root, file), join(PACKAGE, file));
  const { name, ...rest } = JSON.parse(await readFile(join(TEMPLATE, "package.json"), "utf8"));
  const manifest = { name, version: await crateVersion(), ...rest };
  await writeFile(join(PACKAGE, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/**
 * Bundles an entry point for `require`, for test runners without ES modules.
 *
 * @param {string} entry
 */
async function bundleForRequire(entry) {
  const { build } = await import("esbuild");
  const outfile = join(PACKAGE, `${entry}.cjs`);
  await build({ entryPoints: [join(PACKAGE, `${entry}.js`)], bundle: true, format: "cjs", target: "es2022", outfile });
}

/** The version of the crate, which the package shares. */
async function crateVersion() {
  const { stdout } = await run("cargo", ["metadata", "--no-deps", "--format-version", "1"]);
  /** @type {{ packages: { name: string, version: string }[] }} */
  const { packages } = JSON.parse(stdout);
  const crate = packages.find(({ name }) => name === "nolapse");
  if (!crate) throw new Error("the workspace has no crate nolapse");
  return crate.version;
}

/**
 * Packs the package and unpacks it to where the site and the tests import it from.
 *
 * @param {(line: string) => void} watch
 */
async function install(watch) {
  const cache = join(root, ".cache");
  await mkdir(cache, { recursive: true });
  const { stdout } = await npm(["pack", "./pkg", "--pack-destination", cache, "--json", "--loglevel", "error"], {
    watch,
  });
  const packed = Object.values(JSON.parse(stdout))[0];
  await copyFile(join(cache, packed.filename), TARBALL);
  await rm(join(cache, packed.filename));
  await rm(INSTALLED, { recursive: true, force: true });
  await mkdir(INSTALLED, { recursive: true });
  await run("tar", ["-xzf", TARBALL, "-C", INSTALLED, "--strip-components", "1"], { watch });
}
