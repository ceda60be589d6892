/**
 * `npm run fleet`: plays what happens to the auth server of ten million browsers, prints what reaches it and what users lose, and
 * plots it; `npm run fleet -- 20000 4` plays four fleets of 20,000 pages, and `npm run fleet -- sizes` compares fleets of several sizes.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { root, start } from "../../pkg-template/tools/process.mjs";
import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp();
  const [pages = "40000", fleets = "2"] = process.argv.slice(2);
  const plots = join(root, ".cache", "fleet");
  await mkdir(plots, { recursive: true });
  const example = ["--profile", "server", "--package", "nolapse", "--example", "fleet"];
  const child = start("cargo", ["run", "--quiet", ...example, "--", pages, fleets, plots]);
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Remedy(`The fleet ended with exit code ${code}.`);
  if (pages !== "sizes") console.log(`The plots are in ${plots}.`);
});
