/** Starts the server's program and waits until it listens. */

import { start } from "../../pkg-template/tools/process.mjs";

/** How long a start may take: the first one makes keys and a database. */
const START_MS = 30_000;

/** How much of its log a failure shows. */
const TAIL_LINES = 40;

/**
 * @typedef {object} RunningServer
 * @property {string} auth the origin of the auth server, and of the page
 * @property {string} api the origin of the API
 * @property {string | undefined} certificate the file of its self-signed certificate, if it serves TLS
 * @property {import("node:child_process").ChildProcess} child
 * @property {Promise<string>} ended resolves when the process has ended, with its exit code or signal
 * @property {() => string} log its output so far
 */

/**
 * Starts the server and waits until it listens.
 *
 * @param {string} program
 * @param {{ env: Record<string, string | undefined>, cwd?: string, keep?: (text: string) => void }} options
 *   `keep` is called with the server's output
 * @returns {Promise<RunningServer>}
 * @throws Error with the end of its log, if it does not listen in time
 */
export async function startServer(program, { env, cwd, keep = () => {} }) {
  const child = start(program, [], cwd === undefined ? { env } : { env, cwd });
  let log = "";
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code}`));
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      log += text;
      keep(text);
    });
  }
  /** @type {Promise<{ auth: string, api: string, certificate: string | undefined }>} */
  const listening = new Promise((resolve) => {
    const look = () => {
      const line = log.split("\n").find((text) => text.startsWith('{"listening":') && text.trimEnd().endsWith("}}"));
      if (line) resolve(JSON.parse(line).listening);
    };
    child.stdout.on("data", look);
  });
  const late = deadline(START_MS);
  const outcome = await Promise.race([listening, ended, late.reached]);
  late.cancel();
  if (typeof outcome === "object") return { ...outcome, child, ended, log: () => log };
  child.kill("SIGKILL");
  throw new Error(`The server does not listen: ${outcome}.\n${tail(log)}`);
}

/**
 * The end of a log.
 *
 * @param {string} log
 */
export function tail(log) {
  return log.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}

/** @param {number} milliseconds */
function deadline(milliseconds) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<string>} */
  const reached = new Promise((resolve) => {
    timer = setTimeout(() => resolve(`it was silent for ${milliseconds / 1000} s`), milliseconds);
  });
  return { reached, cancel: () => clearTimeout(timer) };
}
