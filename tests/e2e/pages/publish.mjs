/** Serves the scripts that run on pages. */

import { cp } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../../pkg-template/tools/process.mjs";

/**
 * Serves this folder's modules at `/pages/`.
 *
 * @param {import("../harness/server.mjs").Server} server
 */
export async function publishPages(server) {
  await cp(join(root, "tests", "e2e", "pages"), join(server.env.SITE_DIR ?? "", "pages"), { recursive: true });
}
