/**
 * `npm test`: runs every stage, stops at the first that fails, and says at the end how many tests passed and failed.
 *
 * `npm test -- --only e2e` runs that stage (several: with commas) and what it needs; `--grep TEXT` runs only the
 * tests whose name has the text.
 */

import { parseArgs } from "node:util";

import { countTests, none, sum } from "./counts.mjs";
import { CommandFailed } from "./process.mjs";
import { STAGES, stagesFor } from "./stages.mjs";
import { describe, main } from "./step.mjs";

await main(async () => {
  const { values } = parseArgs({ options: { only: { type: "string" }, grep: { type: "string" } } });
  const stages = values.only === undefined ? STAGES : stagesFor(values.only.split(","));
  /** @type {import("./stages.mjs").Context} */
  const context = { grep: values.grep, browser: undefined, server: undefined };
  let counts = none();
  for (const stage of stages) {
    try {
      counts = sum(counts, await stage.run(context));
    } catch (error) {
      console.error(describe(error));
      console.log(`\nThe stage "${stage.name}" failed; again, alone: npm test -- --only ${stage.name}`);
      counts = sum(counts, countsOf(error));
      process.exitCode = 1;
      break;
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
});

/**
 * What a failed stage counts as: its tests, and at least one failure.
 *
 * @param {unknown} error
 */
function countsOf(error) {
  const counts = error instanceof CommandFailed ? countTests(error.output) : none();
  return { ...counts, failed: Math.max(counts.failed, 1) };
}
