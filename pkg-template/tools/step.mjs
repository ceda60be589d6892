/** Prints the steps of a command, their duration, and a heartbeat while a step is running. */

import { CommandFailed, endChildren } from "./process.mjs";

/** The interval of the heartbeat. */
const HEARTBEAT_MS = 15_000;

/** The length to which a tool's own line is cut in a heartbeat. */
const LINE_LENGTH = 100;

/**
 * Prints a line. In a test's own process, standard output belongs to the test runner, which may parse a line between its messages
 * as one of them and fail (nodejs/node#64061).
 */
const say = process.env.NODE_TEST_CONTEXT ? console.error : console.log;

/** A failure with a remedy: printed without a stack. */
export class Remedy extends Error {
  /** @param {string} message what is missing, and what to do about it */
  constructor(message) {
    super(message);
    this.name = "Remedy";
  }
}

/**
 * Runs a step under a headline.
 *
 * @template T
 * @param {string} title
 * @param {(watch: (line: string) => void) => Promise<T>} work calls `watch` with each line of progress
 * @param {(result: T) => string} [summary] returns what the closing line adds
 * @returns {Promise<T>}
 */
export async function step(title, work, summary = () => "") {
  const started = Date.now();
  let latest = "";
  say(`▸ ${title}`);
  const heartbeat = setInterval(() => {
    say(`  … ${title} (${seconds(started)})${latest ? ` · ${latest.trim().slice(0, LINE_LENGTH)}` : ""}`);
  }, HEARTBEAT_MS);
  try {
    const result = await work((line) => {
      latest = line;
    });
    say(`✓ ${title} (${[seconds(started), summary(result)].filter(Boolean).join(", ")})`);
    return result;
  } catch (error) {
    say(`✗ ${title} (${seconds(started)})`);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * Runs the program; a failure is printed and sets exit code 1.
 *
 * @param {() => Promise<void>} program
 */
export async function main(program) {
  try {
    await program();
  } catch (error) {
    console.error(describe(error));
    process.exitCode = 1;
    endChildren();
  }
}

/**
 * What to print of a failure.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function describe(error) {
  if (error instanceof CommandFailed) return `${error.output.trimEnd()}\n${error.summary}`;
  if (error instanceof Remedy) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** @param {number} started */
function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}
