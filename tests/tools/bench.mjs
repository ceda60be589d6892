/** `npm run bench`: prints the project's numbers; `npm run bench -- size` only those whose file has the word. */

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";

import { buildPackage } from "../../pkg-template/build.mjs";
import { root, start } from "../../pkg-template/tools/process.mjs";
import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { buildServer } from "./demo-parts.mjs";
import { setUpPackages } from "./packages.mjs";
import { setUp, setUpBrowser, setUpServices } from "./setup.mjs";

/** The bench that needs no server and no browser; it runs first. */
const SIZE = "size";

/** Benches that need no server of ours. */
const SERVERLESS = [SIZE, "peers"];

/** Benches that need PostgreSQL. */
const WITH_SERVICES = ["server", "tabs-revoked"];

await main(async () => {
  const wanted = process.argv[2] ?? "";
  await setUp();
  await setUpPackages(["tests", "tests/bench", "tests/apis"]);
  const browser = await setUpBrowser();
  await buildPackage();
  const benches = await allBenches();
  const chosen = benches.filter(({ name }) => name.includes(wanted));
  if (chosen.length === 0) {
    throw new Remedy(`No such bench: ${wanted}. There are ${benches.map(({ name }) => name).join(", ")}.`);
  }
  const needsServer = chosen.some(({ name }) => !SERVERLESS.includes(name));
  if (chosen.some(({ name }) => WITH_SERVICES.includes(name))) await setUpServices();
  const env = {
    CHROMIUM: browser.chromium,
    CHROMEDRIVER: browser.chromedriver,
    NOLAPSE_SERVER: needsServer ? await buildServer("server") : undefined,
  };
  for (const { name, command, parameters } of chosen) {
    console.log(`\n# ${name}\n`);
    await show(name, command, parameters, env);
  }
});

/** The scripts of `tests/bench`, the size first, and the server's own benches. */
async function allBenches() {
  const folder = join(root, "tests", "bench");
  const scripts = (await readdir(folder)).filter((file) => file.endsWith(".bench.mjs")).sort();
  const inNode = scripts.map((file) => ({
    name: basename(file, ".bench.mjs"),
    command: process.execPath,
    parameters: [join(folder, file)],
  }));
  inNode.sort((left, right) => Number(right.name === SIZE) - Number(left.name === SIZE));
  const server = {
    name: "server",
    command: "cargo",
    parameters: ["bench", "--profile", "server", "--package", "nolapse-server", "--benches"],
  };
  return [...inNode, server];
}

/**
 * Runs a bench and shows what it prints as it comes.
 *
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {Record<string, string | undefined>} env
 */
async function show(name, command, parameters, env) {
  const child = start(command, parameters, { env });
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Remedy(`The bench ${name} ended with exit code ${code}.`);
}
