/**
 * Builds the npm package in `pkg/`, packs it, and unpacks the tarball to `node_modules/nolapse`.
 *
 * cargo → wasm-bindgen → wasm-opt → minified glue → the files of this folder. Steps with unchanged inputs are skipped, and
 * builds are reproducible: the same inputs give the same bytes on any machine.
 */

import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { BRIDGE, BUNDLE, bundledGlue } from "./tools/bundle.mjs";
import { cargoProgram } from "./tools/cargo.mjs";
import { compile, currentBuildId, RUST_INPUTS } from "./tools/compile.mjs";
import { openGlue } from "./tools/glue.mjs";
import { shortenExports } from "./tools/exports.mjs";
import { shortenImports } from "./tools/imports.mjs";
import { npm, root, run, tool } from "./tools/process.mjs";
import { isFresh, unlessFresh } from "./tools/stamp.mjs";
import { step } from "./tools/step.mjs";
import { instantiable, LOWERING, TRANSLATABLE, withoutFeatures } from "./tools/translate.mjs";

/** A build of the crate in the package, and the entry that is for it alone. @typedef {{ name: string, features: string, entry?: string }} Build */

/** The default module, and the one that verifies signatures. @type {readonly Build[]} */
const BUILDS = [
  { name: "nolapse", features: "npm" },
  { name: "nolapse_verify", features: "npm,verify", entry: "verify" },
];

/** The default module as JavaScript, for browsers without WebAssembly. */
const TRANSLATED = "nolapse_js";

/** Tools that process the modules. */
const TOOL_INPUTS = [
  "pkg-template/tools/src",
  "pkg-template/tools/Cargo.toml",
  "pkg-template/tools/bundle.mjs",
  "pkg-template/tools/compile.mjs",
  "pkg-template/tools/glue.mjs",
  "pkg-template/tools/exports.mjs",
  "pkg-template/tools/imports.mjs",
  "pkg-template/tools/traps.mjs",
  "pkg-template/tools/translate.mjs",
  "package-lock.json",
  "pkg-template/build.mjs",
];

/** Type declarations of generated files: used to type-check the entry points, not published. */
const PRIVATE_TYPES = [...BUILDS.map(({ name }) => `${name}.d.ts`), "nolapse_bytes.d.ts", `${TRANSLATED}.d.ts`];

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

/** The tool of this folder that writes the glue. */
const BINDGEN = "bindgen";

/** The script that is no module. */
const CLASSIC = "early.js";

/** How it is bundled: in a function, for its names; not as an `iife`, which would bring a `require`; minified, as no bundler of an app sees it. */
const AS_CLASSIC = { minify: true, banner: { js: '(()=>{"use strict";' }, footer: { js: "})();" } };

/** The bundled scripts: those with imports from folders. */
const BUNDLED = [
  CLASSIC,
  "facade.js",
  "new-key.js",
  "passkeys.js",
  "provider.js",
  "push.js",
  "server.js",
  "step-up.js",
  "testing.js",
  "verify.js",
];

const TEMPLATE = join(root, "pkg-template");
const PACKAGE = join(root, "pkg");
const INSTALLED = join(root, "node_modules", "nolapse");

/** The tarball that `npm publish` would upload. */
export const TARBALL = join(root, ".cache", "nolapse.tgz");

/** The whole package: its stamp's name and outputs. */
const WHOLE = { name: "package", outputs: ["pkg", ".cache/nolapse.tgz", "node_modules/nolapse"] };

/** What the demo page needs of it. */
const FOR_DEMO = { name: "package-demo", outputs: ["node_modules/nolapse"] };

/**
 * Builds the package if any input has changed.
 *
 * @param {object} [options]
 * @param {boolean} [options.isForDemo] unpacked, without the module that verifies signatures and without a tarball, unless
 *   the whole package is there already
 * @param {Promise<unknown>} [options.ready] settles when the npm packages are installed; compiling does not wait for it
 * @returns {Promise<void>}
 */
export async function buildPackage({ isForDemo = false, ready = Promise.resolve() } = {}) {
  // A rejection is handled where the promise is awaited.
  ready.catch(() => {});
  await step(
    "package",
    async (watch) => {
      const compiler = (await run("rustc", ["-vV"])).stdout;
      const inputs = [...RUST_INPUTS, ...TOOL_INPUTS, ...(await templateFiles()), "LICENSE-MIT", "LICENSE-APACHE"];
      const wanted = { inputs, facts: [compiler] };
      const unlessThere = async () => {
        if (isForDemo && (await isFresh({ ...WHOLE, ...wanted }))) return "fresh";
        return unlessFresh({ ...(isForDemo ? FOR_DEMO : WHOLE), ...wanted }, async () => {
          const buildId = await currentBuildId();
          const builds = isForDemo ? BUILDS.slice(0, 1) : BUILDS;
          await buildModules(builds, buildId, ready, watch);
          await assemble(isForDemo ? INSTALLED : PACKAGE, builds, buildId);
          if (!isForDemo) await install(watch);
        });
      };
      const outcome = await unlessThere();
      await ready;
      // `npm ci` removes what it did not install.
      return outcome === "fresh" ? unlessThere() : outcome;
    },
    (outcome) => (outcome === "fresh" ? "unchanged" : ""),
  );
}

/** What the package is made of: this folder, without the tools. */
async function templateFiles() {
  const names = await readdir(TEMPLATE);
  return names.filter((name) => name !== "tools").map((name) => `pkg-template/${name}`);
}

/**
 * Compiles modules one after the other, and processes each while the next one is compiled.
 *
 * @param {readonly Build[]} builds
 * @param {string} buildId
 * @param {Promise<unknown>} ready
 * @param {(line: string) => void} watch
 */
async function buildModules(builds, buildId, ready, watch) {
  await mkdir(join(root, "target", "npm"), { recursive: true });
  /** @type {Promise<unknown>} */
  let compiled = Promise.resolve();
  const processed = builds.map(async (build) => {
    compiled = compiled.then(() => compileModule(build, buildId, watch));
    await Promise.all([compiled, ready]);
    await processModule(build, watch);
  });
  await Promise.all([cargoProgram(BINDGEN, { watch }), ...processed]);
  await buildTranslated(buildId, watch);
}

/**
 * Writes the default module as JavaScript, with its glue, to `target/npm`.
 *
 * @param {string} buildId
 * @param {(line: string) => void} watch
 */
async function buildTranslated(buildId, watch) {
  console.log("  compiling and translating the crate for browsers without WebAssembly");
  const [name, folder] = ["nolapse", join(root, "target/npm", TRANSLATED)];
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const compiled = await compile("npm", buildId, watch, root, TRANSLATABLE);
  const module = join(folder, `${name}.wasm`);
  await writeFile(module, withoutFeatures(await readFile(compiled)));
  await run(await cargoProgram(BINDGEN, { watch }), ["bundler", module, folder, name], { watch });
  const bound = join(folder, `${name}_bg.wasm`);
  const { silencePanics } = await import("./tools/traps.mjs");
  await writeFile(bound, silencePanics(await readFile(bound)));
  await tool("binaryen/bin/wasm-opt", [...LOWERING, bound, "-o", bound], { watch });
  const translation = join(folder, "translation.js");
  await tool("binaryen/bin/wasm2js", ["-Oz", bound, "-o", translation], { watch });
  const opened = openGlue(await readFile(join(folder, `${name}_bg.js`), "utf8"), `./${name}_bg.js`);
  const { glue, script } = instantiable(await readFile(translation, "utf8"), opened);
  await writeFile(join(folder, "glue.js"), glue);
  await writeFile(join(folder, `${TRANSLATED}.js`), await bundledGlue(script, folder));
}

/**
 * @param {Build} build
 * @param {string} buildId
 * @param {(line: string) => void} watch
 */
async function compileModule({ name, features }, buildId, watch) {
  console.log(`  compiling the crate with the features ${features}`);
  await copyFile(await compile(features, buildId, watch), join(root, "target", "npm", `${name}.wasm`));
}

/**
 * Writes a module as it is shipped, with its glue, to `target/npm`.
 *
 * @param {Build} build
 * @param {(line: string) => void} watch
 */
async function processModule({ name }, watch) {
  const module = `target/npm/${name}.wasm`;
  const folder = `target/npm/${name}`;
  await unlessFresh({ name, inputs: [module, ...TOOL_INPUTS], outputs: [folder] }, async () => {
    await rm(join(root, folder), { recursive: true, force: true });
    console.log(`  wasm-bindgen ${name}`);
    const program = await cargoProgram(BINDGEN, { watch });
    await run(program, ["bundler", module, folder, name], { watch });
    await shrink(name, folder, watch);
  });
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
  const { silencePanics } = await import("./tools/traps.mjs");
  await writeFile(join(root, module), silencePanics(await readFile(join(root, module))));
  await tool("binaryen/bin/wasm-opt", [...SMALLEST, module, "-o", module], { watch });
  const file = `${name}_bg.js`;
  const { glue, script } = openGlue(await readFile(join(root, folder, file), "utf8"), `./${file}`);
  const short = shortenImports(await readFile(join(root, module)), script);
  const shortest = shortenExports(short.module, glue);
  await writeFile(join(root, module), shortest.module);
  await writeFile(join(root, folder, "glue.js"), shortest.glue);
  await writeFile(join(root, folder, `${name}.js`), await bundledGlue(short.glue, join(root, folder)));
}

/**
 * Bundles a script of this folder with its imports from the crate.
 *
 * @param {string} file
 */
async function bundled(file) {
  const { build } = await import("esbuild");
  const how = basename(file) === CLASSIC ? AS_CLASSIC : {};
  const { outputFiles } = await build({ ...BUNDLE, ...how, entryPoints: [file] });
  return outputFiles[0]?.text ?? "";
}

/**
 * Writes the package's files.
 *
 * @param {string} folder
 * @param {readonly Build[]} builds whose modules and entries it has
 * @param {string} buildId replaces `__NOLAPSE_BUILD_ID__` in the facade
 */
async function assemble(folder, builds, buildId) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const left = BUILDS.filter((build) => !builds.includes(build)).map(({ entry }) => entry);
  for (const { name } of builds) {
    for (const file of [`${name}.js`, `${name}_bg.wasm`]) {
      await copyFile(join(root, "target/npm", name, file), join(folder, file));
    }
  }
  await copyFile(join(root, "target/npm", TRANSLATED, `${TRANSLATED}.js`), join(folder, `${TRANSLATED}.js`));
  for (const file of (await readdir(TEMPLATE)).filter((name) => /\.(js|ts|cts|md)$/.test(name))) {
    if (PRIVATE_TYPES.includes(file) || left.includes(file.split(".")[0])) continue;
    const path = join(TEMPLATE, file);
    const text = BUNDLED.includes(file) ? await bundled(path) : await readFile(path, "utf8");
    await writeFile(join(folder, file), text.replaceAll("__NOLAPSE_BUILD_ID__", buildId));
  }
  const base64 = (await readFile(join(folder, "nolapse_bg.wasm"))).toString("base64");
  await writeFile(join(folder, "nolapse_bytes.js"), `export default "${base64}";\n`);
  await copyFile(join(root, "src", "host", BRIDGE), join(folder, BRIDGE));
  await bundleForRequire(folder, "testing");
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) await copyFile(join(root, file), join(folder, file));
  const { name, ...rest } = JSON.parse(await readFile(join(TEMPLATE, "package.json"), "utf8"));
  const manifest = { name, version: await crateVersion(), ...rest };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/**
 * Bundles an entry point for `require`, for test runners without ES modules.
 *
 * @param {string} folder
 * @param {string} entry
 */
async function bundleForRequire(folder, entry) {
  const { build } = await import("esbuild");
  const outfile = join(folder, `${entry}.cjs`);
  await build({ entryPoints: [join(folder, `${entry}.js`)], bundle: true, format: "cjs", target: "es2022", outfile });
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
