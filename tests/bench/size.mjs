/** The sizes of the packed package's entries, as a user's bundler would ship them. */

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";

import { root } from "../tools/process.mjs";

/** The package as `npm install` of the tarball gives it. */
const INSTALLED = join(root, "node_modules", "nolapse");

/** The entries and their modules. */
const ENTRIES = [
  { entry: "nolapse", script: "index.js", module: "nolapse_bg.wasm" },
  { entry: "nolapse/verify", script: "verify.js", module: "nolapse_verify_bg.wasm" },
];

/** Bytes as they are, and as the two usual encodings send them. @typedef {{ raw: number, gzip: number, brotli: number }} Size */

/** @typedef {{ entry: string, part: string, size: Size }} Row */

/**
 * Measures every entry: the script (facade and glue, bundled and minified), the module, and both.
 *
 * @returns {Promise<Row[]>}
 */
export async function measureSizes() {
  const rows = [];
  for (const { entry, script, module } of ENTRIES) {
    const parts = [
      { part: "script", size: sizeOf(await bundled(join(INSTALLED, script))) },
      { part: basename(module), size: sizeOf(await readFile(join(INSTALLED, module))) },
    ];
    const sizes = parts.map(({ size }) => size);
    rows.push(...[...parts, { part: "all", size: total(sizes) }].map((part) => ({ entry, ...part })));
  }
  return rows;
}

/**
 * The sizes as a table.
 *
 * @param {readonly Row[]} rows
 */
export function sizeTable(rows) {
  const cells = rows.map(({ entry, part, size }) => [entry, part, `${size.raw}`, `${size.gzip}`, `${size.brotli}`]);
  const table = [["entry", "part", "raw B", "gzip B", "brotli B"], ...cells];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

/** @param {string} entry */
async function bundled(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return Buffer.concat(outputFiles.map(({ contents }) => contents));
}

/** @param {Buffer} bytes @returns {Size} */
function sizeOf(bytes) {
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length };
}

/** @param {readonly Size[]} sizes @returns {Size} */
function total(sizes) {
  return sizes.reduce(
    (sum, size) => ({ raw: sum.raw + size.raw, gzip: sum.gzip + size.gzip, brotli: sum.brotli + size.brotli }),
    { raw: 0, gzip: 0, brotli: 0 },
  );
}
