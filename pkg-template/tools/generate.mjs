/** Generates the files of `src/generated`: the host's scripts as one file for Rust apps, and the bridge's codes. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));

/** The generated files. @type {readonly { file: string, generate: () => Promise<string> }[]} */
const GENERATED = [
  { file: "codes.js", generate: generateCodes },
  { file: "host.js", generate: generateHost },
];

/** Writes the files, the codes first: the host's scripts import them. */
export async function generateAll() {
  for (const { file, generate } of GENERATED) await writeFile(join(SOURCE, "generated", file), await generate());
}

/** Returns the names of generated files that differ from what they are generated from. */
export async function staleFiles() {
  const stale = [];
  for (const { file, generate } of GENERATED) {
    const text = await readFile(join(SOURCE, "generated", file), "utf8").catch(() => "");
    if (text !== (await generate())) stale.push(file);
  }
  return stale;
}

/** Generates the constants of `codes.rs` for the host. */
async function generateCodes() {
  const rust = await readFile(join(SOURCE, "bridge", "codes.rs"), "utf8");
  const lines = rust.split("\n").flatMap((line) => {
    const [, name, number] = /^pub\(crate\) const (\w+): u32 = (\d+);$/.exec(line) ?? [];
    if (name) return `export const ${name} = ${number};`;
    const [, title] = /^\/\/ (\w.*)$/.exec(line) ?? [];
    return title ? ["", `// ${title}`] : [];
  });
  return `// Generated from codes.rs by \`npm run generate\`.\n${lines.join("\n")}\n`;
}

/**
 * Generates the bundle of the host's scripts. wasm-bindgen copies only the snippets that Rust names, and each would be a
 * request of the page.
 */
async function generateHost() {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, "host", "rust.js")],
    absWorkingDir: join(SOURCE, ".."),
    bundle: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    banner: { js: "// Generated from rust.js and its imports by `npm run generate`." },
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}
