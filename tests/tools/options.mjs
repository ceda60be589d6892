/** The options of `npm test`. */

import { parseArgs } from "node:util";

import { Remedy } from "../../pkg-template/tools/step.mjs";
import { STAGES } from "./stages.mjs";

export const USAGE = `npm test -- [OPTIONS]

  --only STAGE,STAGE   runs these stages, with what they need
  --changed            runs the stages that can tell what has changed since the main branch: in commits, in files that are
                       not committed, and in new ones
  --grep TEXT          runs only the tests whose name has the text
  --help               prints this

Without options, every stage runs, and the first that fails ends it: ${STAGES.map(({ name }) => name).join(", ")}.`;

/**
 * @typedef {object} Options
 * @property {readonly string[] | undefined} only
 * @property {boolean} changed
 * @property {string | undefined} grep
 * @property {boolean} help
 */

/**
 * @param {readonly string[]} words
 * @returns {Options}
 * @throws {Remedy} if there is no such option
 */
export function optionsOf(words) {
  const { only, changed, grep, help } = parsed(words);
  if (only !== undefined && changed)
    throw new Remedy("npm test: --only and --changed each choose the stages: give one.");
  return { only: only?.split(","), changed: changed ?? false, grep, help: help ?? false };
}

/** @param {readonly string[]} words */
function parsed(words) {
  /** @type {{ type: "string" }} */
  const text = { type: "string" };
  /** @type {{ type: "boolean" }} */
  const flag = { type: "boolean" };
  try {
    return parseArgs({ args: [...words], options: { only: text, changed: flag, grep: text, help: flag } }).values;
  } catch (error) {
    const [line = ""] = String(error instanceof Error ? error.message : error).split(/\. |\n/);
    throw new Remedy(`npm test: ${line}; \`npm test -- --help\` lists the options.`);
  }
}
