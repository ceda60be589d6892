/** Checks shell commands of the documents without running them: `npm test` and `npm run demo` run elsewhere. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../pkg-template/tools/process.mjs";
import { TARGETS } from "../tools/fuzz-targets.mjs";
import { optionsOf } from "../tools/options.mjs";
import { STAGES } from "../tools/stages.mjs";
import { read } from "./documents.mjs";

/**
 * The violations in the commands of a snippet.
 *
 * @param {string} at where it is
 * @param {string} text one command a line
 * @returns {Promise<string[]>}
 */
export async function complaintsAbout(at, text) {
  const complaints = [];
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const words = line.trim().split(/\s+/);
    while (/^[A-Z_]+=/.test(words[0] ?? "")) {
      const variable = (words.shift() ?? "").split("=")[0] ?? "";
      if (!(await isRead(variable))) complaints.push(`${at}: nothing reads ${variable}`);
    }
    const [program = "", ...parameters] = words;
    const check = { npm: checkNpm, cargo: checkCargo }[program];
    const complaint = check ? await check(parameters) : `${program} is not a program that is checked`;
    if (complaint) complaints.push(`${at}: ${line.trim()}: ${complaint}`);
  }
  return complaints;
}

/** @param {string} variable */
async function isRead(variable) {
  const places = [
    "tests/simulation/schedules.rs",
    "tests/npm/api.test.mjs",
    "www-demo/server/src/config.rs",
    "tests/tools/demo.mjs",
  ];
  const texts = await Promise.all(places.map(read));
  return texts.some((text) => text.includes(`"${variable}"`) || text.includes(`env.${variable}`));
}

/** @param {readonly string[]} parameters @returns {Promise<string>} */
async function checkNpm(parameters) {
  const [command = "", ...rest] = parameters;
  const { scripts } = JSON.parse(await read("package.json"));
  if (command === "install") {
    const { name } = JSON.parse(await read("pkg-template/package.json"));
    return rest.length === 1 && rest[0] === name ? "" : `the package is called ${name}`;
  }
  if (command !== "run" && command !== "test") return `npm ${command} is not checked`;
  const script = command === "run" ? (rest.shift() ?? "") : command;
  if (!(script in scripts)) return `there is no script ${script}`;
  return rest.length === 0 ? "" : checkScript(script, rest);
}

/**
 * @param {string} script
 * @param {string[]} parameters after the script's name
 */
async function checkScript(script, [separator, ...parameters]) {
  if (separator !== "--") return "npm keeps what has no -- before it to itself";
  if (script === "bench") {
    const files = await readdir(join(root, "tests", "bench"));
    return files.includes(`${parameters[0]}.bench.mjs`) ? "" : `there is no bench ${parameters[0]}`;
  }
  if (script === "fuzz") {
    const [seconds = "", ...targets] = parameters;
    const isRight = /^\d+$/.test(seconds) && targets.every((target) => TARGETS.includes(target));
    return isRight ? "" : `fuzz takes seconds and any of ${TARGETS.join(", ")}`;
  }
  if (script === "soak") return /^\d+$/.test(parameters.join(" ")) ? "" : "soak takes a number";
  if (script !== "test") return `${script} takes nothing`;
  try {
    const { only = [] } = optionsOf(parameters);
    const unknown = only.find((stage) => !STAGES.some(({ name }) => name === stage));
    if (unknown) return `there is no stage ${unknown}`;
  } catch (error) {
    return String(error);
  }
  return "";
}

/** @param {readonly string[]} parameters @returns {Promise<string>} */
async function checkCargo([command = "", ...parameters]) {
  if (command !== "run" && command !== "test") return `cargo ${command} is not checked`;
  const [option, value = ""] = parameters;
  if (option === "--package") {
    const manifests = await Promise.all(["Cargo.toml", "www-demo/server/Cargo.toml"].map(read));
    const isThere = manifests.some((text) => text.includes(`\nname = "${value}"`));
    return isThere ? "" : `there is no crate ${value}`;
  }
  if (option === "--test") {
    const tests = await readdir(join(root, "tests"));
    return tests.includes(`${value}.rs`) || tests.includes(value) ? "" : `there is no test ${value}`;
  }
  return `${option} is not checked`;
}
