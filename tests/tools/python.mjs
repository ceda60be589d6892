/** Makes the virtual environment of the recipes and the identity provider in Python. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { root, run, which } from "../../pkg-template/tools/process.mjs";
import { Remedy, step } from "../../pkg-template/tools/step.mjs";
import { installPackages } from "./system.mjs";

/** What is installed, in exact versions. */
export const REQUIREMENTS = ["apis", "providers"].map((folder) =>
  join(root, "tests", folder, "python", "requirements.txt"),
);

/** Where it is installed. */
const ENVIRONMENT = join(root, ".cache", "python");

/** The hash of what was installed. */
const STAMP = join(ENVIRONMENT, "installed");

/** The interpreter of the environment. */
export const PYTHON = join(
  ENVIRONMENT,
  ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]),
);

/** The oldest that the requirements are for: Debian 12's. */
const OLDEST = [3, 11];

/** Prints a version, if the parts are there that Debian packs by themselves. */
const PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])";

/**
 * Makes the environment unless it is there as the requirements have it: half a minute, and a second from then on.
 *
 * @returns {Promise<void>}
 */
export async function setUpPython() {
  await step("python", async (watch) => {
    const hash = createHash("sha256");
    for (const file of REQUIREMENTS) hash.update(await readFile(file));
    const wanted = hash.digest("hex");
    if (existsSync(PYTHON) && (await readFile(STAMP, "utf8").catch(() => "")) === wanted) return;
    const python = await findPython(watch);
    await rm(ENVIRONMENT, { recursive: true, force: true });
    await run(python, ["-m", "venv", ENVIRONMENT], { watch });
    const pip = ["-m", "pip", "--disable-pip-version-check"];
    const files = ["--only-binary", ":all:", "--no-deps", ...REQUIREMENTS.flatMap((file) => ["--requirement", file])];
    await run(PYTHON, [...pip, "install", ...files], { watch });
    // What is missing of the dependencies.
    await run(PYTHON, [...pip, "check"], { watch });
    await writeFile(STAMP, wanted);
  });
}

/**
 * Finds an interpreter that can make environments, or installs Debian's.
 *
 * @param {(line: string) => void} watch
 * @returns {Promise<string>}
 */
async function findPython(watch) {
  const found = await probe();
  if (found) return found;
  const installed = (await installPackages(["python3-venv"], watch)) ? await probe() : undefined;
  if (installed) return installed;
  throw new Remedy(
    `The recipes and the provider in Python need Python ${OLDEST.join(".")} or newer with its modules venv and ensurepip: install it ` +
      "(https://python.org), or your system's packages, such as python3-venv.",
  );
}

/** @returns {Promise<string | undefined>} */
async function probe() {
  for (const name of ["python3", "python"]) {
    const file = which(name);
    const told = file ? await run(file, ["-c", PROBE]).catch(() => undefined) : undefined;
    const [major = 0, minor = 0] = told?.stdout.trim().split(".").map(Number) ?? [];
    if (file && major === OLDEST[0] && minor >= Number(OLDEST[1])) return file;
  }
  return undefined;
}
