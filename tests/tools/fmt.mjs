/** `npm run fmt`: formats Rust, JavaScript, TypeScript and JSON, and bundles the crate's scripts. */

import { writeBundle } from "./bundle.mjs";
import { run, tool } from "./process.mjs";
import { setUp } from "./setup.mjs";
import { main, step } from "./step.mjs";

await main(async () => {
  await setUp();
  await step("cargo fmt", (watch) => run("cargo", ["fmt", "--all"], { watch }));
  await step("biome", (watch) => tool("@biomejs/biome/bin/biome", ["check", "--write"], { watch }));
  await step("the crate's bundle", writeBundle);
});
