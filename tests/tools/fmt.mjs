/** `npm run fmt`: formats Rust, JavaScript, TypeScript and JSON. */

import { run, tool } from "./process.mjs";
import { setUp } from "./setup.mjs";
import { main, step } from "./step.mjs";

await main(async () => {
  await setUp();
  await step("cargo fmt", (watch) => run("cargo", ["fmt", "--all"], { watch }));
  await step("biome", (watch) => tool("@biomejs/biome/bin/biome", ["check", "--write"], { watch }));
});
