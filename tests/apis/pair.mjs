/** Two auth servers of one database. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "../e2e/harness/ports.mjs";
import { startServer } from "../e2e/harness/server.mjs";

/**
 * Starts two auth servers on one database, with the same keys and names.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} env of both
 */
export async function startPair(t, env) {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-keys-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const shared = { ...env, KEY_FILE: join(folder, "nolapse.keys") };
  const first = await startServer(t, { ...shared, METRICS_PORT: `${await freePort()}` });
  const { DATABASE_URL } = first.env;
  const names = { ISSUER: first.auth, AUDIENCE: first.api, ALLOWED_ORIGINS: first.auth };
  const second = await startServer(t, { ...shared, ...names, DATABASE_URL, METRICS_PORT: `${await freePort()}` });
  return /** @type {const} */ ([first, second]);
}
