/** `npm test`: runs every stage, stops at the first that fails, and prints how many tests passed and failed. */

import { aside, CommandFailed, endChildren } from "../../pkg-template/tools/process.mjs";
import { describe, main } from "../../pkg-template/tools/step.mjs";
import { readChanges, stagesForChanges } from "./changed.mjs";
import { countTests, none, sum } from "./counts.mjs";
import { optionsOf, USAGE } from "./options.mjs";
import { setUpPackages } from "./packages.mjs";
import { STAGES, stagesFor } from "./stages.mjs";

/**
 * The first stage beside whose tests the programs of later stages are compiled. Not earlier: native tests compare times, and a
 * compiler beside them makes those differ.
 */
const AHEAD_FROM = "fuzz";

await main(async () => {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await runStages(await choose(options), options.grep);
});

/**
 * The stages that were asked for.
 *
 * @param {import("./options.mjs").Options} options
 * @returns {Promise<readonly import("./stages.mjs").Stage[]>}
 */
async function choose({ only, changed }) {
  if (!changed) return only === undefined ? STAGES : stagesFor(only);
  const { stages, reasons } = stagesForChanges(await readChanges());
  for (const reason of reasons) console.log(reason);
  return stagesFor(stages);
}

/**
 * @param {readonly import("./stages.mjs").Stage[]} stages
 * @param {string | undefined} grep
 */
async function runStages(stages, grep) {
  /** @type {import("./stages.mjs").Context} */
  const context = { grep, browser: undefined, server: undefined };
  const builds = stages.flatMap(({ ahead }) => ahead ?? []);
  /** @type {Promise<void> | undefined} */
  let building;
  let counts = none();
  for (const stage of stages) {
    // Only after the static checks have passed.
    if (stage.name === AHEAD_FROM) building = aside(() => buildAhead(builds));
    try {
      if (stage.packages) await setUpPackages(stage.packages);
      counts = sum(counts, await stage.run(context));
    } catch (error) {
      console.error(describe(error));
      console.log(`\nThe stage "${stage.name}" failed; again, alone: npm test -- --only ${stage.name}`);
      counts = sum(counts, countsOf(error));
      process.exitCode = 1;
      break;
    }
  }
  if (process.exitCode) endChildren();
  await building;
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
}

/**
 * Runs the first part of later stages. A failure is reported by the stage it belongs to.
 *
 * @param {readonly (() => Promise<unknown>)[]} builds
 */
async function buildAhead(builds) {
  for (const build of builds) {
    if (process.exitCode) return;
    await build().catch(() => {});
  }
}

/**
 * The counts of a failed stage: those of its tests, and at least one failure.
 *
 * @param {unknown} error
 */
function countsOf(error) {
  const counts = error instanceof CommandFailed ? countTests(error.output) : none();
  return { ...counts, failed: Math.max(counts.failed, 1) };
}
