/** Installs the system's packages, where this process may. */

import { run, which } from "./process.mjs";

/**
 * Installs Debian or Ubuntu packages as root, or through a sudo that asks no password.
 *
 * @param {readonly string[]} packages
 * @param {(line: string) => void} watch
 * @returns {Promise<boolean>} whether they are installed; `false` where there is no way to
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

/** The words before a command that make it run as root, or nothing where this cannot be done unasked. */
async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (!which("sudo")) return undefined;
  const allowed = await run("sudo", ["-n", "true"]).then(
    () => true,
    () => false,
  );
  return allowed ? ["sudo", "-n"] : undefined;
}
