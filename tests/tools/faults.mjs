/**
 * `npm run faults`: plants one fault at a time in a copy of the core and expects the random schedules, or the random records, to catch it.
 *
 * A simulation proves something only where it fails when the thing it watches is broken.
 */

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { CommandFailed, root, run } from "./process.mjs";
import { main, Remedy, step } from "./step.mjs";

/** How many schedules a fault has to survive; it must not. */
const SCHEDULES = "4000";

/**
 * @typedef {object} Fault
 * @property {string} name what is broken
 * @property {string} file in `src/core`
 * @property {string} from text that stands there exactly once
 * @property {string} to what it becomes
 * @property {string} [test] the tests that are to catch it: the schedules unless said otherwise
 */

/** @type {readonly Fault[]} */
const FAULTS = [
  {
    name: "lock: a lock that comes too late is kept",
    file: "lock.rs",
    from: "        if !is_current {\n            self.release(granted);",
    to: "        if is_current {\n            self.release(granted);",
  },
  {
    name: "lock: nobody looks again after waiting",
    file: "lock.rs",
    from: "if self.page.is_dozing || !self.is_wanted(job, now) {",
    to: "if self.page.is_dozing {",
  },
  {
    name: "news: a new token is not handed over",
    file: "telling.rs",
    from: "            && held.is_usable(moment.now)\n",
    to: "            && !held.is_usable(moment.now)\n",
  },
  {
    name: "news: a token's age on the way is forgotten",
    file: "tabs.rs",
    from: "let age = age + moment.wall.since(posted);",
    to: "let age = age.min(moment.wall.since(posted));",
  },
  {
    name: "clock: naps are not noticed",
    file: "time.rs",
    from: "self.slept += missed;",
    to: "self.slept += 0.0;",
  },
  {
    name: "wake: a resumed page goes on dozing",
    file: "page.rs",
    from: "self.page.is_dozing = self.page.has_left;",
    to: "self.page.is_dozing = true;",
  },
  {
    name: "wake: a page that comes back does not listen again",
    file: "page.rs",
    from: "self.effects.push(Effect::OpenChannel);",
    to: "self.effects.push(Effect::CloseChannel);",
  },
  {
    name: "ordering: an answer to an earlier session counts",
    file: "facts.rs",
    from: "        if flight.epoch != self.epoch {\n            // The user",
    to: "        if flight.epoch == u32::MAX {\n            // The user",
  },
  {
    name: "ordering: what is written hides what others have written",
    file: "telling.rs",
    from: "self.version.max(marked)",
    to: "self.version.min(marked)",
  },
  {
    name: "waiting: callers are not told that their time is over",
    file: "session.rs",
    from: "self.expire_callers(moment.now);",
    to: "self.expire_callers(Timestamp::default());",
  },
  {
    name: "waiting: callers do not wait for a server that comes back",
    file: "backoff.rs",
    from: "now < window && of_use <= window",
    to: "now > window && of_use <= window",
  },
  {
    name: "waiting: what another tab tells of the pace is forgotten",
    file: "backoff.rs",
    from: "let until = now + rest.retry_in.min(longest);",
    to: "let until = now + rest.retry_in.min(longest) / 100;",
  },
  {
    name: "numbering: it is not begun anew where the record has another one",
    file: "telling.rs",
    from: "(self.version, self.seen) = (version, version);",
    to: "(self.version, self.seen) = (known, version);",
    test: "records",
  },
];

await main(async () => {
  const copy = join(root, "target", "faults");
  await rm(join(copy, "src"), { recursive: true, force: true });
  await mkdir(copy, { recursive: true });
  for (const part of ["Cargo.toml", "Cargo.lock", "README.md", "clippy.toml", "src", "tests", "www-demo/server"]) {
    await cp(join(root, part), join(copy, part), { recursive: true });
  }
  const missed = [];
  for (const fault of FAULTS) {
    if (!(await step(fault.name, () => isCaught(copy, fault), String))) missed.push(fault.name);
  }
  if (missed.length > 0) throw new Remedy(`Not caught by ${SCHEDULES} schedules:\n${missed.join("\n")}`);
  console.log(`${FAULTS.length} faults planted, all caught`);
});

/**
 * Plants a fault, runs the schedules, and takes it out again.
 *
 * @param {string} copy
 * @param {Fault} fault
 * @returns {Promise<boolean>} whether a schedule failed
 */
async function isCaught(copy, { name, file, from, to, test = "schedules" }) {
  const path = join(copy, "src", "core", file);
  const sound = await readFile(path, "utf8");
  if (sound.split(from).length !== 2) throw new Remedy(`${file} does not have this exactly once:\n${from}\n(${name})`);
  await writeFile(path, sound.replace(from, to));
  try {
    const env = { NOLAPSE_SCHEDULES: SCHEDULES, CARGO_TARGET_DIR: join(copy, "target") };
    await run("cargo", ["test", "--package", "nolapse", "--test", test], { cwd: copy, env });
    return false;
  } catch (error) {
    // A fault that does not compile proves nothing.
    if (error instanceof CommandFailed && error.output.includes("Test failed:")) return true;
    throw error;
  } finally {
    await writeFile(path, sound);
    await rm(join(copy, "tests", "schedules.regressions"), { force: true });
  }
}
