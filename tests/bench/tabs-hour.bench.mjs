/**
 * What an hour of a failing endpoint costs the auth server, in the simulated world: each kind of failure, one tab and
 * five, the app calling fifty times a second and requesting retries. The test checks the budget; this prints its numbers.
 */

import { run } from "../../pkg-template/tools/process.mjs";

const TEST = "worst_hour::p10_an_hour_of_any_fixed_failure_costs_forty_refreshes_at_the_most";

const { stdout } = await run("cargo", [
  ...["test", "--quiet", "--profile", "soak", "--package", "nolapse", "--test", "simulation"],
  ...["--", "--exact", TEST, "--nocapture"],
]);
const lines = stdout.split("\n").filter((line) => line.endsWith(" refreshes"));
if (lines.length === 0) throw new Error(`the test ${TEST} has printed nothing`);
console.log(`An hour of each failure, simulated; at most 40 refreshes each\n\n${lines.join("\n")}`);
