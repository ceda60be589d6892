/**
 * `npm run mutants`: how well the tests watch the core. Changes it in a thousand places, one after the other, with cargo-mutants,
 * and expects that a test fails for 95 of 100.
 *
 * Two rounds: nine of ten are caught by the unit tests beside the code, which compile in seconds; the rest is tried with the
 * simulation and with one tab. Some hours on two cores.
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

/** What is tested with in the second round. */
const ALL = ["--test", "simulation", "--test", "single_tab"].map((word) => `--cargo-arg=${word}`);

/**
 * Runs cargo-mutants; returns the mutants by what became of them.
 *
 * @param {string} title
 * @param {readonly string[]} parameters
 */
async function round(title, parameters) {
  await step(title, async (watch) => {
    // A schedule that a mutant breaks would be shrunk first, for minutes.
    const env = { PROPTEST_MAX_SHRINK_ITERS: "0" };
    try {
      await run("cargo", ["mutants", "--output", FOLDER, ...parameters], { env, watch });
    } catch (error) {
      if (!(error instanceof CommandFailed && ENDED.some((ending) => error.summary.endsWith(ending)))) throw error;
    }
  });
  const [caught, timeout, missed] = await Promise.all(["caught", "timeout", "missed"].map(listed));
  return { caught: caught ?? [], timeout: timeout ?? [], missed: missed ?? [] };
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
  const first = await round("mutants of the core, and its unit tests", []);
  // The second round skips what is listed as caught; a test that ran into its time-out has noticed the mutant, too.
  await appendFile(join(FOLDER, "mutants.out", "caught.txt"), first.timeout.map((mutant) => `${mutant}\n`).join(""));
  const second = await round("those that are left, and all tests of the core", ["--iterate", ...ALL]);
  const killed = [first, second].flatMap(({ caught, timeout }) => [...caught, ...timeout]).length;
  const viable = killed + second.missed.length;
  for (const mutant of second.missed) console.log(`missed: ${mutant}`);
  console.log(`${killed} of ${viable} caught (${((killed / viable) * 100).toFixed(1)} %)`);
  if (killed < viable * LEAST) throw new Remedy(`Fewer than ${LEAST * 100} of 100 are caught.`);
});
