/** The stages of `npm test`: one kind of proof each, the quickest first. */

import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { buildPackage } from "../../pkg-template/build.mjs";
import { cargo, cargoProgram } from "../../pkg-template/tools/cargo.mjs";
import { root, run, tool } from "../../pkg-template/tools/process.mjs";
import { Remedy, step } from "../../pkg-template/tools/step.mjs";
import { countTests, none, sum } from "./counts.mjs";
import { buildServer, buildSite } from "./demo-parts.mjs";
import { buildFuzzTargets, fuzz } from "./fuzz-targets.mjs";
import { FRAMEWORKS, setUpPackages, TEST_PACKAGES } from "./packages.mjs";
import { setUpPython } from "./python.mjs";
import { setUp, setUpBrowser, setUpEngines, setUpServices } from "./setup.mjs";
import { buildWasmTests, inChromium, inFirefox, inWebKit } from "./wasm-tests.mjs";
import { NO_WEBKIT } from "./webkit.mjs";

/**
 * The results of stages that later stages use.
 *
 * @typedef {object} Context
 * @property {string | undefined} grep only tests whose name has this
 * @property {import("./browser.mjs").BrowserFiles | undefined} browser
 * @property {string} [firefox] Firefox's file
 * @property {import("./webkit.mjs").WebKitFiles} [webkit] where there is one
 * @property {string | undefined} server the server's program
 */

/**
 * @typedef {object} Stage
 * @property {string} name for `--only`
 * @property {readonly string[]} needs stages that must run before
 * @property {Parameters<typeof import("./packages.mjs").setUpPackages>[0]} [packages] the folders whose npm packages it needs besides the root's
 * @property {() => Promise<unknown>} [ahead] the part that may run once beside the tests of earlier stages
 * @property {(context: Context) => Promise<import("./counts.mjs").Counts>} run
 */

/** The package, once it is built. @type {Promise<void> | undefined} */
let packaged;

function packageOnce() {
  packaged ??= buildPackage();
  return packaged;
}

/** How long one test of `node --test` may take. */
const TEST_TIMEOUT_MS = 600_000;

/** How long each fuzz target runs: enough for regressions on a developer's machine, a minute on CI. */
const FUZZ_SECONDS = process.env.CI ? 60 : 10;

/** How many files of a folder are run at once, where it is more than one. */
const CONCURRENCY = new Map([
  // Tests wait for browsers and servers most of the time, so there is one more of them than the cores would bear.
  ["e2e", 1 + Math.max(2, Math.floor(availableParallelism() / 2))],
  // Each builds apps, on more than one core at times.
  ["frameworks", 2],
]);

/** Programs without tests. */
const TOOLS = ["--exclude", "bindgen", "--exclude", "test-runner"];

/** The compiler's target for browsers. */
const WASM = ["--target", "wasm32-unknown-unknown"];

/** @type {readonly Stage[]} */
export const STAGES = [
  { name: "setup", needs: [], run: asBuild(setUp) },
  {
    name: "browser",
    needs: ["setup"],
    run: asBuild(async (context) => {
      context.browser = await setUpBrowser();
    }),
  },
  {
    name: "engines",
    needs: ["setup"],
    run: asBuild(async (context) => {
      Object.assign(context, await setUpEngines());
    }),
  },
  { name: "static", needs: ["setup"], run: asBuild(staticChecks) },
  { name: "services", needs: ["setup"], run: asBuild(setUpServices) },
  { name: "native", needs: ["setup", "services"], run: nativeTests },
  { name: "fuzz", needs: ["setup"], ahead: buildFuzzTargets, run: asBuild(() => fuzz(FUZZ_SECONDS)) },
  { name: "package", needs: ["setup"], ahead: packageOnce, run: asBuild(packageOnce) },
  {
    name: "wasm",
    needs: ["browser", "engines", "package"],
    packages: ["tests"],
    ahead: buildWasmTests,
    run: wasmTests,
  },
  { name: "npm", needs: ["package"], packages: ["tests/npm"], run: (context) => nodeTests("npm", context) },
  {
    name: "packed",
    needs: ["browser", "package"],
    packages: ["tests", "tests/packed", "tests/bench"],
    run: (context) => nodeTests("packed", context),
  },
  {
    name: "server",
    needs: ["setup"],
    ahead: () => cargoProgram("nolapse-server"),
    run: asBuild(async (context) => {
      context.server = await buildServer();
    }),
  },
  { name: "python", needs: ["setup"], ahead: setUpPython, run: asBuild(setUpPython) },
  {
    name: "frameworks",
    needs: ["browser", "package", "server"],
    packages: ["tests", FRAMEWORKS],
    ahead: () => setUpPackages([FRAMEWORKS]),
    run: (context) => nodeTests("frameworks", context),
  },
  { name: "site", needs: ["package"], run: asBuild(buildSite) },
  {
    name: "apis",
    needs: ["services", "package", "server", "python"],
    packages: ["tests/apis"],
    ahead: async () => {
      // Imported dynamically: it needs a package that set-up installs.
      const { buildRust } = await import("../apis/rust.mjs");
      await buildRust();
    },
    run: (context) => nodeTests("apis", context),
  },
  {
    name: "providers",
    needs: ["services", "package", "server", "python"],
    packages: ["tests/providers"],
    run: (context) => nodeTests("providers", context),
  },
  {
    name: "docs",
    needs: ["browser", "package", "server"],
    packages: ["tests", "tests/packed", "tests/docs"],
    run: (context) => nodeTests("docs", context),
  },
  {
    name: "e2e",
    needs: ["browser", "engines", "package", "site", "server", "python"],
    packages: ["tests", "tests/providers"],
    run: (context) => nodeTests("e2e", context),
  },
];

/**
 * A stage that runs no tests.
 *
 * @param {(context: Context) => Promise<void>} work
 * @returns {Stage["run"]}
 */
function asBuild(work) {
  return async (context) => {
    await work(context);
    return none();
  };
}

/** Formatting, lints, types, and dependencies in the lock files: what can be checked without running anything. */
async function staticChecks() {
  await step("cargo fmt", (watch) => run("cargo", ["fmt", "--all", "--check", "--", "--color", "never"], { watch }));
  await step("supply chain", async () => {
    // Imported dynamically: it needs a package that set-up installs.
    const { checkSupplyChain } = await import("./supply-chain.mjs");
    await checkSupplyChain();
  });
  await step("biome", (watch) => tool("@biomejs/biome/bin/biome", ["check", "--error-on-warnings"], { watch }));
  // The type checker's packages are installed while clippy compiles.
  await Promise.all([step("clippy", lintRust), checkTypes()]);
}

/** @param {(line: string) => void} watch */
async function lintRust(watch) {
  const clippy = ["clippy"];
  const strict = ["--", "-D", "warnings"];
  const sdk = [...WASM, "--package", "nolapse", "--lib", "--test", "browser"];
  await cargo([...clippy, "--workspace", "--all-targets", ...strict], { watch });
  for (const features of ["", "npm", "npm,verify"]) {
    await cargo([...clippy, ...sdk, "--features", features, ...strict], { watch });
  }
  await cargo([...clippy, ...WASM, "--package", "nolapse-domain", ...strict], { watch });
  // With the npm package's features.
  const packed = [...WASM, "--package", "nolapse", "--lib", "--no-default-features", "--features", "npm,verify"];
  await cargo([...clippy, ...packed, ...strict], { watch });
}

async function checkTypes() {
  await setUpPackages(TEST_PACKAGES);
  await step("tsc", async (watch) => {
    for (const project of ["tsconfig.json", "tests/tools/tsconfig.site.json"]) {
      await tool("typescript/bin/tsc", ["--project", project], { watch });
    }
  });
}

/** @type {Stage["run"]} */
function nativeTests({ grep }) {
  const parameters = ["test", "--workspace", ...TOOLS, "--no-fail-fast"];
  return testing("native tests", grep, (watch) => cargo([...parameters, ...(grep ? ["--", grep] : [])], { watch }));
}

/** @type {Stage["run"]} */
async function wasmTests({ browser, firefox, webkit, grep }) {
  if (!browser || !firefox) throw new Error("the wasm tests need browsers");
  const filter = grep ? ["--", grep] : [];
  const counts = [
    await testing("wasm tests in Chromium", grep, (watch) => inChromium(browser, filter, watch)),
    await testing("wasm tests in Firefox", grep, (watch) => inFirefox(firefox, filter, watch)),
  ];
  if (webkit) counts.push(await testing("wasm tests in WebKitGTK", grep, (watch) => inWebKit(webkit, filter, watch)));
  else console.log(`– wasm tests in WebKitGTK: skipped, because ${NO_WEBKIT}`);
  return counts.reduce(sum);
}

/**
 * Runs the `*.test.mjs` files of a folder of `tests`.
 *
 * @param {string} folder
 * @param {Context} context
 */
async function nodeTests(folder, { browser, firefox, webkit, server, grep }) {
  const files = await testFiles(join(root, "tests", folder));
  if (files.length === 0) throw new Remedy(`tests/${folder} has no *.test.mjs file.`);
  const concurrency = CONCURRENCY.get(folder) ?? 1;
  const limits = [`--test-concurrency=${concurrency}`, `--test-timeout=${TEST_TIMEOUT_MS}`, "--test-force-exit"];
  const parameters = ["--test", "--test-reporter=spec", ...limits];
  if (grep) parameters.push(`--test-name-pattern=${grep}`);
  const env = {
    CHROMIUM: browser?.chromium,
    CHROMEDRIVER: browser?.chromedriver,
    FIREFOX: firefox,
    WEBKIT_DRIVER: webkit?.driver,
    NOLAPSE_SERVER: server,
  };
  return testing(`tests/${folder}`, grep, (watch) => run(process.execPath, [...parameters, ...files], { env, watch }));
}

/** @param {string} folder @returns {Promise<string[]>} */
async function testFiles(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    // Not entered: some have a hundred thousand files.
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : testFiles(path);
    return entry.name.endsWith(".test.mjs") ? [path] : [];
  });
  return (await Promise.all(found)).flat().sort();
}

/**
 * Runs tests as a step and counts them; a run that finds none has failed.
 *
 * @param {string} title
 * @param {string | undefined} grep
 * @param {(watch: (line: string) => void) => Promise<{ output: string }>} work
 */
async function testing(title, grep, work) {
  return step(
    title,
    async (watch) => {
      const { output } = await work(watch);
      const counts = countTests(output);
      if (counts.failed > 0 || (counts.passed === 0 && !grep)) throw new Remedy(`${output}\n${title}: no test passed.`);
      return counts;
    },
    ({ passed, skipped }) => `${passed} passed${skipped ? `, ${skipped} SKIPPED` : ""}`,
  );
}

/**
 * The requested stages and those that they need, in order.
 *
 * @param {readonly string[]} asked
 * @returns {Stage[]}
 */
export function stagesFor(asked) {
  const names = new Set(asked);
  for (const stage of STAGES.toReversed()) {
    if (names.has(stage.name)) for (const need of stage.needs) names.add(need);
  }
  const unknown = asked.filter((name) => !STAGES.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    throw new Remedy(`No such stage: ${unknown.join(", ")}. There are ${STAGES.map(({ name }) => name).join(", ")}.`);
  }
  return STAGES.filter(({ name }) => names.has(name));
}
