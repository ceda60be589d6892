/** Builds the two halves of the demo: the page and the server. */

import { join } from "node:path";

import { root, run, tool } from "./process.mjs";
import { unlessFresh } from "./stamp.mjs";
import { step } from "./step.mjs";

/** The demo page, built. */
export const SITE = join(root, "www-demo", "site", "dist");

/**
 * Checks the demo page's types and builds it.
 *
 * @returns {Promise<void>}
 */
export async function buildSite() {
  await step(
    "site",
    (watch) => {
      const site = {
        name: "site",
        inputs: ["www-demo/site", "node_modules/nolapse", "package-lock.json", "tsconfig.base.json"],
        outputs: ["www-demo/site/dist"],
      };
      return unlessFresh(site, async () => {
        await tool("vite/bin/vite.js", ["build", "--logLevel", "warn"], { cwd: join(root, "www-demo", "site"), watch });
      });
    },
    (outcome) => (outcome === "fresh" ? "unchanged" : ""),
  );
}

/**
 * Builds the server for speed.
 *
 * @returns {Promise<string>} its program
 */
export function buildServer() {
  return step("server", async (watch) => {
    const parameters = ["build", "--profile", "server", "--package", "nolapse-server", "--locked"];
    const { stdout } = await run("cargo", [...parameters, "--message-format", "json-render-diagnostics"], { watch });
    /** @type {(string | null)[]} */
    const programs = stdout
      .split("\n")
      .filter((line) => line.startsWith('{"reason":"compiler-artifact"'))
      .map((line) => JSON.parse(line).executable);
    const program = programs.findLast((file) => file !== null);
    if (!program) throw new Error("cargo built no nolapse-server program");
    return program;
  });
}
