/** `npm run bench:server`: prints the server's numbers, and those of APIs that follow it; needs PostgreSQL and no browser. */

import { join } from "node:path";

import { buildPackage } from "../../pkg-template/build.mjs";
import { root, start } from "../../pkg-template/tools/process.mjs";
import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { buildServer } from "./demo-parts.mjs";
import { setUpPackages } from "./packages.mjs";
import { setUpPython } from "./python.mjs";
import { setUp, setUpServices } from "./setup.mjs";

await main(async () => {
  await setUp();
  await setUpServices();
  await setUpPackages(["tests", "tests/apis"]);
  await setUpPython();
  await buildPackage();
  const env = { NOLAPSE_SERVER: process.env.NOLAPSE_SERVER ?? (await buildServer("server")) };
  await run(process.execPath, ["--expose-gc", join(root, "tests", "bench", "revocations.mjs")]);
  await run(process.execPath, [join(root, "tests", "bench", "revoked-apis.mjs")], env);
  await run("cargo", ["bench", "--profile", "server", "--package", "nolapse-server", "--benches"]);
});

/** @param {string} program @param {readonly string[]} parameters @param {Record<string, string>} [env] */
async function run(program, parameters, env = {}) {
  const child = start(program, parameters, { env });
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Remedy(`The bench ended with exit code ${code}.`);
}
