/**
 * The host's scripts as the one file that wasm-bindgen hands to Rust apps. It would hand over several, but only those
 * that Rust names, and each would be a request of the page's.
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "./process.mjs";

const BUNDLE = join(root, "src", "generated", "host.js");

/** Makes the bundle. */
export async function makeBundle() {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(root, "src", "host", "rust.js")],
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    banner: { js: "// Made of rust.js and its neighbours by `npm run fmt`." },
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** Whether the bundle is the one of the scripts as they are. */
export async function isBundleFresh() {
  return (await readFile(BUNDLE, "utf8")) === (await makeBundle());
}

/** Writes it where the crate has it. */
export async function writeBundle() {
  await writeFile(BUNDLE, await makeBundle());
}
