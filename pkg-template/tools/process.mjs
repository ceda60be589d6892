/** Runs commands, returns their output, and ends all children with this process. */

import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { constants as system, setPriority } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the checkout. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Whether commands are `.cmd` files that only a shell can start. */
const onWindows = process.platform === "win32";

/** The running children. @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();

/** Whether commands are started with a low priority. @type {AsyncLocalStorage<true>} */
const asides = new AsyncLocalStorage();

/**
 * Runs work whose commands have a low priority, so that tests beside it meet their deadlines.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export function aside(work) {
  return asides.run(true, work);
}

/** Output that is kept and read has no colours. */
const PLAIN = { NO_COLOR: "1", FORCE_COLOR: undefined, CARGO_TERM_COLOR: "never" };

/** How much of its output the message of a failed command has. */
const TAIL_LINES = 60;

/** A command that failed, with its output. */
export class CommandFailed extends Error {
  /**
   * @param {string} command
   * @param {string} ending how it ended
   * @param {string} output
   */
  constructor(command, ending, output) {
    super(`${command}: ${ending}\n${output.trimEnd().split("\n").slice(-TAIL_LINES).join("\n")}`);
    this.name = "CommandFailed";
    this.summary = `${command}: ${ending}`;
    this.output = output;
  }
}

/**
 * @typedef {object} Options
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] added to this process's own
 * @property {(line: string) => void} [watch] called with each line of output
 * @property {(line: string) => boolean} [drop] lines that are passed to `watch` and not returned
 */

/**
 * Runs a command to its end and returns what it printed.
 *
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {Options} [options]
 * @returns {Promise<{ stdout: string, output: string }>} `output` has both streams in order of arrival
 * @throws {CommandFailed} if it cannot be started or its exit code is not 0
 */
export async function run(command, parameters, { cwd = root, env = {}, watch = () => {}, drop = () => false } = {}) {
  const shown = [command, ...parameters].join(" ");
  const child = start(command, parameters, { cwd, env: { ...PLAIN, ...env } });
  let stdout = "";
  let output = "";
  /** @param {string} text */
  const take = (text) => {
    output += text;
    // Lines of JSON are for programs.
    const last = linesOf(text).findLast((line) => line.trim() !== "" && !line.includes('{"'));
    if (last) watch(last);
  };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    take(text);
  });
  child.stderr.setEncoding("utf8").on("data", take);
  try {
    const [code, signal] = await once(child, "close");
    output = linesOf(output)
      .filter((line) => !drop(line))
      .join("");
    if (code !== 0) throw new CommandFailed(shown, signal ? `ended by ${signal}` : `exit code ${code}`, output);
    return { stdout, output };
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    throw new CommandFailed(shown, error instanceof Error ? error.message : String(error), output);
  }
}

/** Lines with their ends; a progress bar's line ends with a carriage return. @param {string} text */
function linesOf(text) {
  return text.split(/(?<=[\r\n])/);
}

/**
 * Starts a command that is killed when this process ends.
 *
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {{ cwd?: string, env?: Record<string, string | undefined> }} [options] `env` is added to this process's own
 * @returns {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>}
 */
export function start(command, parameters, { cwd = root, env = {} } = {}) {
  const child = spawn(command, parameters, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    shell: onWindows && !command.endsWith(".exe") && command !== process.execPath,
  });
  children.add(child);
  child.once("close", () => children.delete(child));
  if (asides.getStore() && child.pid !== undefined) setPriority(child.pid, system.priority.PRIORITY_BELOW_NORMAL);
  return child;
}

/**
 * Runs one of npm's own commands.
 *
 * @param {readonly string[]} parameters
 * @param {Parameters<typeof run>[2]} [options]
 */
export function npm(parameters, options) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith("npm-cli.js")) return run(process.execPath, [cli, ...parameters], options);
  return run("npm", parameters, options);
}

/**
 * Runs a command of an npm package by its path, without npm.
 *
 * @param {string} file its script, below `node_modules`
 * @param {readonly string[]} parameters
 * @param {Options & { from?: string }} [options] `from`: the folder whose packages have it; the checkout by default
 */
export function tool(file, parameters, { from = ".", ...options } = {}) {
  return run(process.execPath, [join(root, from, "node_modules", file), ...parameters], options);
}

/**
 * Finds a command on the PATH.
 *
 * @param {string} name
 * @returns {string | undefined} its file
 */
export function which(name) {
  const endings = onWindows ? [".exe", ".cmd"] : [""];
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.flatMap((folder) => endings.map((ending) => join(folder, name + ending))).find(isExecutable);
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** How long children may take to end by themselves. */
const ENDING_MS = 10_000;

/** @param {"SIGINT" | "SIGTERM"} signal */
function endWithChildren(signal) {
  const finish = () => process.exit(signal === "SIGINT" ? 130 : 143);
  if (children.size === 0) finish();
  for (const child of children) {
    child.kill("SIGTERM");
    child.once("close", () => {
      if (children.size === 0) finish();
    });
  }
  setTimeout(() => {
    for (const child of children) child.kill("SIGKILL");
    finish();
  }, ENDING_MS);
}

/** Ends the children that still run. */
export function endChildren() {
  for (const child of children) child.kill();
}

process.once("SIGINT", endWithChildren);
process.once("SIGTERM", endWithChildren);
process.once("exit", endChildren);
