/** `npm run fmt`: formats Rust, JavaScript, TypeScript and JSON. */

import { run, tool } from "../../pkg-template/tools/process.mjs";
import { main, step } from "../../pkg-template/tools/step.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp();
  await step("cargo fmt", (watch) => run("cargo", ["fmt", "--all"], { watch }));
  await step("biome", (watch) => tool("@biomejs/biome/bin/biome", ["check", "--write"], { watch }));
});
