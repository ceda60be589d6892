/** A PostgreSQL for one test: a cluster in a folder of its own, on a free port. */

import { execFile, execFileSync } from "node:child_process";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { freePort } from "../e2e/harness/ports.mjs";
import { findPostgres } from "../tools/system.mjs";

/** What a new cluster is: nothing of it outlives the test. */
const CLUSTER = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];

/**
 * Starts PostgreSQL, which ends with the test.
 *
 * @param {import("node:test").TestContext} t
 * @returns {Promise<{ url: string, start: () => Promise<void>, stop: () => Promise<void> }>} `url` is of its one database; `stop`
 *   cuts every connection
 */
export async function startPostgres(t) {
  const programs = findPostgres();
  if (programs === undefined)
    throw new Error("PostgreSQL is missing: install the package postgresql, then run this again");
  const folder = await mkdtemp(join(tmpdir(), "nolapse-postgres-"));
  // It refuses to run as root: there it runs as nobody.
  const owner = process.getuid?.() === 0 ? { uid: idOfNobody("-u"), gid: idOfNobody("-g") } : undefined;
  if (owner) await chown(folder, owner.uid, owner.gid);
  const [data, port] = [join(folder, "data"), await freePort()];
  /** @param {string} program @param {readonly string[]} parameters */
  const call = async (program, parameters) => {
    await promisify(execFile)(join(programs, program), ["-D", data, ...parameters], { cwd: folder, ...owner });
  };
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`;
  const start = () => call("pg_ctl", ["-l", join(folder, "log"), "-w", "-o", settings, "start"]);
  const stop = () => call("pg_ctl", ["-m", "immediate", "stop"]);
  t.after(async () => {
    // A test that has failed may have stopped it.
    await stop().catch(() => {});
    await rm(folder, { recursive: true, force: true });
  });
  await call("initdb", CLUSTER);
  await start();
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, start, stop };
}

/** @param {"-u" | "-g"} kind */
function idOfNobody(kind) {
  return Number(execFileSync("id", [kind, "nobody"], { encoding: "utf8" }));
}
