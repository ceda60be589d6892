/** Apps of Next.js, built and served by its commands. */

import { join } from "node:path";

import { root, start, tool } from "../../pkg-template/tools/process.mjs";
import { until } from "../e2e/harness/until.mjs";

/** The command line of Next.js. */
const NEXT = "next/dist/bin/next";

/** Disables the telemetry of Next.js. */
const QUIET = { NEXT_TELEMETRY_DISABLED: "1" };

/**
 * Builds an app, and returns what the command prints.
 *
 * @param {string} app
 * @param {Record<string, string>} [env]
 */
export async function buildNext(app, env = {}) {
  const { output } = await tool(NEXT, ["build"], { cwd: app, env: { ...QUIET, ...env }, from: "tests/packed" });
  return output;
}

/**
 * Serves the built app with Next.js's own server, on a free port.
 *
 * @param {import("node:test").TestContext} test the server ends with it
 * @param {string} app
 * @param {Record<string, string>} [env]
 * @returns {Promise<string>} its origin
 */
export async function serveNext(test, app, env = {}) {
  const parameters = [join(root, "tests/packed/node_modules", NEXT), "start", "--port", "0", "--hostname", "localhost"];
  const server = start(process.execPath, parameters, { cwd: app, env: { ...QUIET, NO_COLOR: "1", ...env } });
  test.after(() => server.kill("SIGKILL"));
  let printed = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
  }
  return until("Next.js says where it listens", () => /http:\/\/localhost:\d+/.exec(printed)?.[0], { within: 30_000 });
}
