/**
 * `npm run mutants`: how well the tests watch the core. Changes it in a thousand places, one after the other, with cargo-mutants,
 * and expects that a test fails for 95 of 100.
 *
 * Three rounds: eight of ten are caught by the unit tests beside the code, which compile and run in seconds; the rest is tried
 * with one tab, and what is left then with the simulation. Two hours on two cores.
 */

import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";

import { CommandFailed, root, run } from "../../pkg-template/tools/process.mjs";
import { main, Remedy, step } from "../../pkg-template/tools/step.mjs";

/** The least share of viable mutants that is caught. */
const LEAST = 0.95;

/** The folder of cargo-mutants' reports. */
const FOLDER = join(root, ".cache", "mutants");

/** Exit codes of cargo-mutants for mutants that were missed, and for some that ran into a time-out. */
const ENDED = [2, 3].map((code) => `exit code ${code}`);

/** What the rounds are tested with. @type {readonly (readonly [title: string, targets: readonly string[]])[]} */
const ROUNDS = [
  ["its unit tests", ["--lib"]],
  ["one tab", ["--test", "single_tab"]],
  ["the simulation", ["--test", "simulation"]],
];

/**
 * Runs cargo-mutants; returns the mutants by what became of them.
 *
 * @param {string} title
 * @param {readonly string[]} parameters
 */
async function round(title, parameters) {
  await step(`mutants of the core, and ${title}`, async (watch) => {
    // A schedule that a mutant breaks would be shrunk first, for minutes, and then be tried with every mutant after it.
    const env = { PROPTEST_MAX_SHRINK_ITERS: "0", PROPTEST_DISABLE_FAILURE_PERSISTENCE: "1" };
    try {
      await run("cargo", ["mutants", "--output", FOLDER, ...parameters], { env, watch });
    } catch (error) {
      if (!(error instanceof CommandFailed && ENDED.some((ending) => error.summary.endsWith(ending)))) throw error;
    }
  });
  const [caught, timeout, missed] = await Promise.all(["caught", "timeout", "missed"].map(listed));
  return { killed: [...(caught ?? []), ...(timeout ?? [])], timeout: timeout ?? [], missed: missed ?? [] };
}

/** @param {string} outcome */
async function listed(outcome) {
  const text = await readFile(join(FOLDER, "mutants.out", `${outcome}.txt`), "utf8");
  return text.split("\n").filter(Boolean);
}

await main(async () => {
  await run("cargo", ["mutants", "--version"]).catch(() => {
    throw new Remedy("cargo-mutants is missing: cargo install cargo-mutants --locked");
  });
  let killed = 0;
  /** @type {string[]} */
  let missed = [];
  for (const [i, [title, targets]] of ROUNDS.entries()) {
    const found = await round(title, [...(i ? ["--iterate"] : []), ...targets.map((word) => `--cargo-arg=${word}`)]);
    // The next round skips what is listed as caught; a test that ran into its time-out has noticed the mutant, too.
    await appendFile(join(FOLDER, "mutants.out", "caught.txt"), found.timeout.map((mutant) => `${mutant}\n`).join(""));
    killed += found.killed.length;
    missed = found.missed;
  }
  const viable = killed + missed.length;
  for (const mutant of missed) console.log(`missed: ${mutant}`);
  console.log(`${killed} of ${viable} caught (${((killed / viable) * 100).toFixed(1)} %)`);
  if (killed < viable * LEAST) throw new Remedy(`Fewer than ${LEAST * 100} of 100 are caught.`);
});
