/** Checks the dependencies in the lock files without a network: licences, sources, hashes and duplicates. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import satisfies from "spdx-satisfies";

import { root, run } from "../../pkg-template/tools/process.mjs";
import { Remedy } from "../../pkg-template/tools/step.mjs";
import { LOCKED } from "./packages.mjs";

/**
 * @typedef {object} Crate
 * @property {string} name
 * @property {string} version
 * @property {string | null} license an SPDX expression, the old form with slashes among them
 * @property {string | null} source none for members of the workspace
 */

/**
 * @typedef {object} Package
 * @property {string} [version]
 * @property {string | undefined} [license]
 * @property {string | undefined} [integrity]
 * @property {string} [resolved]
 * @property {boolean} [link]
 * @property {boolean} [inBundle] whether it is a part of another package's file, whose hash is for both
 */

/**
 * @typedef {object} Rules
 * @property {readonly string[]} licenses
 * @property {readonly string[]} skipped crates as `name@version` that are allowed beside a newer version
 */

/** Licences allowed in addition to those for crates, for what builds and tests and is not shipped. */
const FOR_BUILDING = [
  "BlueOak-1.0.0",
  "CC0-1.0",
  // Tables of licences and of browsers.
  "CC-BY-3.0",
  "CC-BY-4.0",
  // The list of certificate authorities of ureq, in the recipes in Rust.
  "CDLA-Permissive-2.0",
  // libvips, which Next.js brings for pictures, jwcrypto, a library of the recipes in Python, and dramatiq, which Canaille brings.
  "LGPL-3.0-or-later",
  // Lightning CSS, which Vite brings, and certifi, which Canaille brings.
  "MPL-2.0",
  // typing_extensions, which FastAPI brings.
  "PSF-2.0",
  // argparse, a port of Python's, which Astro brings.
  "Python-2.0",
];

/** Packages whose manifests name their licence in the form of before SPDX, which a lock file leaves out. */
const OLD_FORM = new Map([["limiter@1.1.5", "MIT"]]);

const CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index";

/** @throws {Remedy} with all violations */
export async function checkSupplyChain() {
  const rules = rulesOf(await readFile(join(root, "deny.toml"), "utf8"));
  const metadata = await run("cargo", ["metadata", "--format-version", "1", "--locked", "--all-features"]);
  const complaints = complaintsAboutCrates(JSON.parse(metadata.stdout).packages, rules);
  const recipes = ["--manifest-path", join(root, "tests", "apis", "rust", "Cargo.toml")];
  const ofRecipes = await run("cargo", ["metadata", "--format-version", "1", "--locked", ...recipes]);
  // Two servers and a client that share no program: what is there twice costs nobody but the tests.
  const forTests = { ...rules, licenses: [...rules.licenses, ...FOR_BUILDING] };
  complaints.push(...complaintsAboutOrigins(JSON.parse(ofRecipes.stdout).packages, forTests));
  for (const folder of LOCKED) {
    const { packages } = JSON.parse(await readFile(join(root, folder, "package-lock.json"), "utf8"));
    complaints.push(...complaintsAboutPackages(packages, rules).map((complaint) => join(folder, complaint)));
  }
  if (complaints.length > 0) throw new Remedy(`${complaints.join("\n")}\ndeny.toml has the rules, and the reasons.`);
}

/**
 * The lists of `deny.toml` that this file uses.
 *
 * @param {string} text
 * @returns {Rules}
 * @throws if there is no such list
 */
export function rulesOf(text) {
  const plain = text.replaceAll(/^\s*#.*$/gm, "");
  /** @param {string} name */
  const list = (name) => new RegExp(`^${name} = \\[([^\\]]*)\\]`, "m").exec(plain)?.[1] ?? "";
  const licenses = [...list("allow").matchAll(/"([^"]+)"/g)].map(([, license = ""]) => license);
  const skipped = [...list("skip").matchAll(/crate = "([^"]+)", reason = "[^"]+"/g)].map(([, crate = ""]) => crate);
  if (licenses.length === 0 || skipped.length === 0) throw new Error("deny.toml has no list of licences or duplicates");
  return { licenses, skipped };
}

/**
 * @param {readonly Crate[]} crates
 * @param {Rules} rules
 * @returns {string[]}
 */
export function complaintsAboutCrates(crates, { licenses, skipped }) {
  const complaints = complaintsAboutOrigins(crates, { licenses, skipped });
  const foreign = crates.filter(({ source }) => source !== null);
  const seen = new Set(foreign.map(({ name, version }) => `${name}@${version}`));
  for (const { name, version } of foreign) {
    const crate = `${name}@${version}`;
    const others = foreign.filter((other) => other.name === name && !skipped.includes(`${name}@${other.version}`));
    if (others.length > 1 && !skipped.includes(crate)) complaints.push(`${crate}: is one of ${others.length} versions`);
  }
  for (const crate of skipped.filter((one) => !seen.has(one)))
    complaints.push(`${crate}: is in deny.toml, and not used`);
  return complaints;
}

/**
 * @param {readonly Crate[]} crates
 * @param {Rules} rules
 * @returns {string[]}
 */
function complaintsAboutOrigins(crates, { licenses }) {
  const complaints = [];
  for (const { name, version, license, source } of crates) {
    if (source === null) continue;
    const crate = `${name}@${version}`;
    if (!isAllowed(license?.replaceAll("/", " OR "), licenses)) complaints.push(`${crate}: the licence is ${license}`);
    if (source !== CRATES_IO) complaints.push(`${crate}: comes from ${source}`);
  }
  return complaints;
}

/**
 * The packages whose licence is not one that tests may use.
 *
 * @param {Readonly<Record<string, string>>} packages licences by the names of packages
 * @param {Rules} rules
 * @returns {string[]}
 */
export function complaintsAboutLicences(packages, { licenses }) {
  const refused = Object.entries(packages).filter(([, license]) => !isAllowed(license, [...licenses, ...FOR_BUILDING]));
  return refused.map(([name, license]) => `${name}: the licence is ${license}`);
}

/**
 * @param {Readonly<Record<string, Package>>} packages of a lock file, by folder
 * @param {Rules} rules
 * @returns {string[]}
 */
export function complaintsAboutPackages(packages, { licenses }) {
  const allowed = [...licenses, ...FOR_BUILDING];
  const complaints = [];
  for (const [folder, { version, license: named, integrity, resolved, link, inBundle }] of Object.entries(packages)) {
    if (folder === "" || link) continue;
    const license = named ?? OLD_FORM.get(`${folder.split("node_modules/").at(-1)}@${version}`);
    if (!inBundle && !/^sha512-[\w+/]{86}==$/.test(integrity ?? "")) complaints.push(`${folder}: has no SHA-512`);
    if (!isAllowed(license, allowed)) complaints.push(`${folder}: the licence is ${license}`);
    if (resolved !== undefined) complaints.push(`${folder}: the lock file names where it came from`);
  }
  return complaints;
}

/**
 * @param {string | null | undefined} license
 * @param {readonly string[]} allowed
 */
function isAllowed(license, allowed) {
  try {
    return typeof license === "string" && satisfies(license, allowed);
  } catch {
    return false;
  }
}
