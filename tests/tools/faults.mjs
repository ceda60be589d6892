/**
 * `npm run faults`: plants one fault at a time in a copy of the core and the server, and expects the random schedules, the random records
 * or the server's tests to catch it.
 *
 * A simulation proves something only if it fails when its subject is broken. `npm run faults -- TEXT` plants only the faults whose
 * name has the text.
 */

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { CommandFailed, root, run } from "../../pkg-template/tools/process.mjs";
import { main, Remedy, step } from "../../pkg-template/tools/step.mjs";
import { FAULTS } from "./fault-list.mjs";

/** The sources of the core's tests. */
const PARTS = [
  ...["Cargo.toml", "Cargo.lock", "README.md", "clippy.toml"],
  ...["src", "tests", "www-demo/server", "pkg-template/tools", "docs"],
];

/** The number of schedules within which a fault must be caught. */
const SCHEDULES = "4000";

await main(async () => {
  const copy = join(root, "target", "faults");
  await mkdir(copy, { recursive: true });
  for (const part of PARTS) {
    // A file that has been moved since would be there twice.
    await rm(join(copy, part), { recursive: true, force: true });
    const filter = (/** @type {string} */ path) => basename(path) !== "node_modules";
    await cp(join(root, part), join(copy, part), { recursive: true, filter });
  }
  const missed = [];
  const [text = ""] = process.argv.slice(2);
  const chosen = FAULTS.filter(({ name }) => name.includes(text));
  if (chosen.length === 0) throw new Remedy(`No fault has "${text}" in its name.`);
  for (const fault of chosen) {
    if (!(await step(fault.name, () => isCaught(copy, fault), String))) missed.push(fault.name);
  }
  if (missed.length > 0) throw new Remedy(`Not caught:\n${missed.join("\n")}`);
  console.log(`${chosen.length} faults planted, all caught`);
});

/**
 * Plants a fault, runs the schedules, and reverts it.
 *
 * @param {string} copy
 * @param {import("./fault-list.mjs").Fault} fault
 * @returns {Promise<boolean>} whether a schedule failed
 */
async function isCaught(copy, { name, folder = "src/core", file, from, to, test = "schedules", cargo }) {
  const path = join(copy, folder, file);
  const sound = await readFile(path, "utf8");
  if (sound.split(from).length !== 2) throw new Remedy(`${file} does not have this exactly once:\n${from}\n(${name})`);
  await writeFile(path, sound.replace(from, to));
  try {
    const env = { NOLAPSE_SCHEDULES: SCHEDULES, CARGO_TARGET_DIR: join(copy, "target") };
    const simulation = ["--package", "nolapse", "--test", "simulation", `${test}::`];
    await run("cargo", ["test", ...(cargo ?? simulation)], { cwd: copy, env });
    return false;
  } catch (error) {
    // A fault must compile to be a fault.
    if (error instanceof CommandFailed && error.output.includes("test result: FAILED")) return true;
    throw error;
  } finally {
    await writeFile(path, sound);
    await rm(join(copy, "tests", "simulation", "schedules.regressions"), { force: true });
  }
}
