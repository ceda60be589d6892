/** `npm run bench:server`: prints the server's numbers; needs PostgreSQL, no browser and no package. */

import { start } from "../../pkg-template/tools/process.mjs";
import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { setUp, setUpServices } from "./setup.mjs";

await main(async () => {
  await setUp();
  await setUpServices();
  const parameters = ["bench", "--profile", "server", "--package", "nolapse-server", "--benches"];
  const child = start("cargo", parameters);
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Remedy(`The bench ended with exit code ${code}.`);
});
