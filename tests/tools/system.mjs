/** Installs system packages, if this process has the rights. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { run, which } from "../../pkg-template/tools/process.mjs";

/** Where Debian keeps PostgreSQL's server programs, off the path, a folder for each version. */
const POSTGRES = "/usr/lib/postgresql";

/**
 * Finds the folder of PostgreSQL's server programs.
 *
 * @returns {string | undefined}
 */
export function findPostgres() {
  const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES) : [];
  const folders = versions.map((version) => join(POSTGRES, version, "bin"));
  const onPath = which("initdb");
  if (onPath) folders.push(join(onPath, ".."));
  return folders.find((folder) => ["initdb", "pg_ctl"].every((name) => existsSync(join(folder, name))));
}

/**
 * Finds a program that Debian keeps off the path of users: nginx, PgBouncer, HAProxy.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function findService(name) {
  return which(name) ?? ["/usr/sbin", "/usr/local/sbin"].map((folder) => join(folder, name)).find(existsSync);
}

/**
 * Finds OpenSSL, with which tests create certificates. Git for Windows includes it, off the path.
 *
 * @returns {string | undefined}
 */
export function findOpenssl() {
  const ofGit = join(process.env.PROGRAMFILES ?? "C:\\Program Files", "Git", "usr", "bin", "openssl.exe");
  return which("openssl") ?? [ofGit].find((file) => existsSync(file));
}

/**
 * Installs Debian or Ubuntu packages as root, or through a sudo that asks no password.
 *
 * @param {readonly string[]} packages
 * @param {(line: string) => void} watch
 * @returns {Promise<boolean>} whether they are installed; `false` if that is impossible
 */
export async function installPackages(packages, watch) {
  if (!which("apt-get")) return false;
  const prefix = await rootPrefix();
  if (!prefix) return false;
  const [command = "", ...rest] = [...prefix, "apt-get"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  console.log(`  ${[...prefix, "apt-get"].join(" ")} update && apt-get install -y ${packages.join(" ")}`);
  await run(command, [...rest, "update"], { env, watch });
  await run(command, [...rest, "install", "-y", ...packages], { env, watch });
  return true;
}

/** The command prefix for root's rights; nothing if they need a password. */
async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (!which("sudo")) return undefined;
  const allowed = await run("sudo", ["-n", "true"]).then(
    () => true,
    () => false,
  );
  return allowed ? ["sudo", "-n"] : undefined;
}
