/**
 * `npm run fleet`: plays a million clients through a day with an outage of five minutes, and plots what reaches the
 * auth server; `npm run fleet -- 100000 2` plays fewer clients for fewer hours.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { root, start } from "../../pkg-template/tools/process.mjs";
import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp();
  const [clients = "1000000", hours = "24"] = process.argv.slice(2);
  await mkdir(join(root, ".cache"), { recursive: true });
  const plot = join(root, ".cache", "fleet.svg");
  const example = ["--profile", "server", "--package", "nolapse-server", "--example", "fleet"];
  const child = start("cargo", ["run", "--quiet", ...example, "--", clients, hours, plot]);
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Remedy(`The fleet ended with exit code ${code}.`);
  console.log(`The plot is in ${plot}.`);
});
