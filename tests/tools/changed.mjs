/** Maps changed files to the stages that can fail because of them. */

import { CommandFailed, run } from "../../pkg-template/tools/process.mjs";
import { STAGES } from "./stages.mjs";

/** The branch that changes are measured against, local and remote-tracking. */
const MAIN = ["main", "origin/main"];

/** Stands for every stage. */
const ALL = STAGES.map(({ name }) => name);

/** The stages that run the npm package. */
const PACKAGE = ["npm", "packed", "frameworks", "apis", "docs", "site", "e2e"];

/** The stages that run the server, in-process or as a program. */
const SERVER = ["native", "apis", "providers", "docs", "frameworks", "e2e"];

/**
 * Files by their paths, and the stages that read, compile or run them. The first match counts; a file without a match runs
 * every stage.
 *
 * @type {readonly (readonly [RegExp, readonly string[]])[]}
 */
const RULES = [
  // Every stage uses them.
  [/^(Cargo\.(toml|lock)|rust-toolchain\.toml|package(-lock)?\.json|\.npmrc|\.cargo\/|\.ci\/)/, ALL],
  [/^(pkg-template|tests)\/tools\//, ALL],
  [/^tests\/(package(-lock)?\.json|\.npmrc)$/, ALL],

  // Settings of static checks.
  [/^(biome\.json|clippy\.toml|tsconfig(\.base)?\.json|\.gitignore|\.gitattributes)$/, ["static", "site", "docs"]],
  [/^deny\.toml$/, ["static", "npm"]],

  // Documents: a test checks the glossary, the server's tests run drills and settings, the packed apps are made from some
  // pages, and browsers run what others show.
  [/^ARCHITECTURE\.md$/, ["native", "docs"]],
  [/^docs\/(deployment|keys|operations)\.md$/, ["native", "docs"]],
  [/^docs\/install\.md$/, ["packed", "frameworks", "docs"]],
  [/^docs\/apis\.md$/, ["apis", "docs", "frameworks"]],
  [/^docs\/api-recipes\.md$/, ["apis", "docs"]],
  [/^docs\/rendering\.md$/, ["docs", "frameworks"]],
  [/^docs\/csp\.md$/, ["packed", "docs"]],
  [/^docs\/testing\.md$/, ["packed", "docs", "e2e"]],
  [/^docs\/(recipes|shells)\.md$/, ["docs", "e2e"]],
  [/^(README|CHANGELOG)\.md$/, ["npm", "docs"]],
  [/^(docs\/|[A-Z]+\.md$)/, ["docs"]],
  [/^LICENSE-/, ["npm"]],

  // The crate and the package.
  [/^src\/client(\/|\.rs$)/, ["static", "native", "wasm", "docs"]],
  [/^src\/(host|generated)\//, ["static", "native", "wasm", ...PACKAGE]],
  [/^src\//, ["static", "native", "fuzz", "wasm", ...PACKAGE]],
  [/^pkg-template\//, ["static", "native", ...PACKAGE]],

  // The server, the pages and the example.
  [/^www-demo\/server\/fuzz\//, ["static", "native", "fuzz"]],
  [/^www-demo\/server\/(tests|benches|examples|deploy)\//, ["static", "native", "docs"]],
  [/^www-demo\/server\//, ["static", "fuzz", "npm", ...SERVER]],
  [/^www-demo\/site\//, ["static", "native", "site", "e2e"]],
  [/^www-demo\/rust-example\//, ["static", "docs"]],

  // The tests themselves; all tests that run in a browser use the harness.
  [/^tests\/(browser|single_tab)\//, ["static", "native", "wasm"]],
  [/^tests\/(\w+\.rs|architecture\/|simulation\/)/, ["static", "native", "docs"]],
  [/^tests\/npm\//, ["static", "npm", "docs"]],
  [/^tests\/packed\/app\.mjs$/, ["static", "packed", "frameworks", "docs"]],
  [/^tests\/packed\//, ["static", "packed", "docs"]],
  [/^tests\/frameworks\//, ["static", "frameworks", "npm", "docs"]],
  [/^tests\/docs\//, ["static", "docs", "npm", "packed", "frameworks"]],
  [/^tests\/contract\//, ["static", "npm", "e2e"]],
  [/^tests\/providers\/python\//, ["static", "npm", "apis", "providers", "docs", "e2e"]],
  [/^tests\/providers\//, ["static", "npm", "providers", "docs", "e2e"]],
  [/^tests\/e2e\/(harness|pages)\//, ["static", "npm", "apis", "providers", "packed", "frameworks", "docs", "e2e"]],
  [/^tests\/e2e\//, ["static", "docs", "e2e"]],
  [/^tests\/apis\/(auth|recipes|running)\.mjs$/, ["static", "apis", "npm", "docs", "frameworks"]],
  [/^tests\/apis\/jar\.mjs$/, ["static", "apis", "npm", "docs", "frameworks"]],
  [/^tests\/apis\//, ["static", "apis", "npm", "docs"]],
  [/^tests\/bench\//, ["static", "npm", "packed", "docs"]],
];

/**
 * The stages for files, and the reason for each stage or group of stages.
 *
 * @param {readonly string[]} paths
 * @returns {{ stages: string[], reasons: string[] }}
 */
export function stagesForChanges(paths) {
  /** @type {Map<string, string[]>} */
  const files = new Map();
  for (const path of paths) {
    const stages = ruleFor(path)?.join(", ") ?? "";
    files.set(stages, [...(files.get(stages) ?? []), path]);
  }
  const chosen = new Set([...files.keys()].flatMap((stages) => (stages === "" ? ALL : stages.split(", "))));
  const reasons = [...files].map(([stages, some]) => {
    const more = some.length > 3 ? ` and ${some.length - 3} more` : "";
    const told = stages === "" ? "every stage, as no rule of tests/tools/changed.mjs is for them" : stages;
    return `${some.slice(0, 3).join(", ")}${more}: ${told === ALL.join(", ") ? "every stage" : told}`;
  });
  if (paths.length === 0) reasons.push("Nothing has changed since the main branch.");
  return { stages: ALL.filter((name) => chosen.has(name)), reasons };
}

/**
 * The stages of the rule that a path falls under.
 *
 * @param {string} path
 * @returns {readonly string[] | undefined} nothing where no rule is for it
 */
export function ruleFor(path) {
  return RULES.find(([pattern]) => pattern.test(path))?.[1];
}

/**
 * The files that differ from the merge base with the main branch: committed, uncommitted, and untracked.
 *
 * @returns {Promise<string[]>}
 */
export async function readChanges() {
  const base = await mergeBase();
  const [changed, added] = await Promise.all([
    // With `--no-renames`, a moved file is a deleted one and a new one.
    run("git", ["diff", "--name-only", "--no-renames", "-z", base]),
    run("git", ["ls-files", "--others", "--exclude-standard", "-z"]),
  ]);
  return [...new Set([changed, added].flatMap(({ stdout }) => stdout.split("\0")).filter(Boolean))].sort();
}

/** @returns {Promise<string>} the commit */
async function mergeBase() {
  for (const branch of MAIN) {
    const found = await run("git", ["merge-base", "HEAD", branch]).catch((error) => {
      if (error instanceof CommandFailed) return undefined;
      throw error;
    });
    if (found) return found.stdout.trim();
  }
  // Without a main branch, everything counts as changed: this is git's empty tree.
  return (await run("git", ["hash-object", "-t", "tree", "/dev/null"])).stdout.trim();
}
