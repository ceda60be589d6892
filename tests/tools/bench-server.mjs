/** `npm run bench:server`: prints the server's numbers; needs PostgreSQL, no browser and no package. */

import { join } from "node:path";

import { root, start } from "../../pkg-template/tools/process.mjs";
import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { setUp, setUpServices } from "./setup.mjs";

await main(async () => {
  await setUp();
  await setUpServices();
  await run(process.execPath, ["--expose-gc", join(root, "tests", "bench", "revocations.mjs")]);
  await run("cargo", ["bench", "--profile", "server", "--package", "nolapse-server", "--benches"]);
});

/** @param {string} program @param {readonly string[]} parameters */
async function run(program, parameters) {
  const child = start(program, parameters);
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Remedy(`The bench ended with exit code ${code}.`);
}
