/** Builds the two halves of the demo: the page and the server. */

import { join } from "node:path";

import { cargoProgram } from "../../pkg-template/tools/cargo.mjs";
import { root, tool } from "../../pkg-template/tools/process.mjs";
import { unlessFresh } from "../../pkg-template/tools/stamp.mjs";
import { step } from "../../pkg-template/tools/step.mjs";

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
 * Builds the server.
 *
 * @param {"dev" | "server"} [profile] `server` is optimised for speed and takes minutes to compile: for benches
 * @returns {Promise<string>} its program
 */
export function buildServer(profile = "dev") {
  return step("server", (watch) => cargoProgram("nolapse-server", { watch, profile }));
}
