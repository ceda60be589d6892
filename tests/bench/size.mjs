/** The sizes of the packed package's entries, as a user's bundler would ship them. */

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";

import { root } from "../../pkg-template/tools/process.mjs";

/** The package as `npm install` of the tarball gives it. */
const INSTALLED = join(root, "node_modules", "nolapse");

/** The entries, and the modules that they load besides their scripts. */
const ENTRIES = [
  { entry: "nolapse", script: "index.js", module: "nolapse_bg.wasm" },
  { entry: "nolapse/early.js", script: "early.js", module: undefined },
  { entry: "nolapse/inline", script: "inline.js", module: undefined },
  { entry: "nolapse/verify", script: "verify.js", module: "nolapse_verify_bg.wasm" },
  { entry: "nolapse/server", script: "server.js", module: undefined },
  { entry: "nolapse/testing", script: "testing.js", module: undefined },
];

/** Bytes as they are, and as the two usual encodings send them. @typedef {{ raw: number, gzip: number, brotli: number }} Size */

/** @typedef {{ entry: string, part: string, size: Size }} Row */

/**
 * Measures every entry: the script (facade, host and glue, bundled and minified; in `inline` with the module), the module,
 * and both.
 *
 * @returns {Promise<Row[]>}
 */
export async function measureSizes() {
  const rows = [];
  for (const { entry, script, module } of ENTRIES) {
    const parts = [{ part: "script", size: sizeOf(await bundled({ entryPoints: [join(INSTALLED, script)] })) }];
    if (module) parts.push({ part: basename(module), size: sizeOf(await readFile(join(INSTALLED, module))) });
    const all = { part: "all", size: total(parts.map(({ size }) => size)) };
    rows.push(...[...parts, all].map((part) => ({ entry, ...part })));
  }
  return rows;
}

/** The files of the facade; the host belongs to the crate, and Rust apps have it too. */
const HOST = /\/src\/host\/(?!bridge)/;

/**
 * Measures the parts of the default entry's script. Their sum is a little more than the script, because each is
 * compressed alone.
 *
 * @returns {Promise<Row[]>}
 */
export async function measureParts() {
  const facade = [join(root, "pkg-template", "facade.js")];
  const { metafile } = await build({
    ...ALIKE,
    entryPoints: facade,
    absWorkingDir: root,
    metafile: true,
    write: false,
  });
  const host = Object.keys(metafile.inputs).filter((path) => HOST.test(`/${path}`));
  const contents = host.map((path) => `import "./${path}";`).join("\n");
  /** @type {[string, import("esbuild").BuildOptions][]} */
  const parts = [
    ["facade", { entryPoints: facade, plugins: [without(/src\/host\//)] }],
    ["host", { stdin: { contents, resolveDir: root }, treeShaking: false, plugins: [without(/\/bridge\.js$/)] }],
    ["mailbox", { entryPoints: [join(INSTALLED, "bridge.js")] }],
    ["glue", { entryPoints: [join(INSTALLED, "nolapse.js")], plugins: [without(/\/bridge\.js$/)] }],
  ];
  return Promise.all(parts.map(async ([part, how]) => ({ entry: "nolapse", part, size: sizeOf(await bundled(how)) })));
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

/**
 * What is a chunk of its own: what only browsers without WebAssembly load, only the first sign-in, only one through a provider, only
 * sessions with `push`, and only apps that step up.
 */
export const CHUNKS = ["*/nolapse_js.js", "*/new-key.js", "*/provider.js", "*/push.js", "*/step-up.js"];

/** @type {import("esbuild").BuildOptions} */
const ALIKE = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  // `jose` is a peer dependency.
  external: [...CHUNKS, "jose"],
};

/** @param {import("esbuild").BuildOptions} how */
async function bundled(how) {
  const { outputFiles } = await build({ ...ALIKE, ...how, write: false });
  return Buffer.concat(outputFiles.map(({ contents }) => contents));
}

/**
 * Excludes the other parts from a bundle.
 *
 * @param {RegExp} filter
 * @returns {import("esbuild").Plugin}
 */
function without(filter) {
  return {
    name: "without",
    setup: ({ onResolve }) => onResolve({ filter }, ({ path }) => ({ path, external: true, sideEffects: false })),
  };
}

/** @param {Buffer} bytes @returns {Size} */
export function sizeOf(bytes) {
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length };
}

/** @param {readonly Size[]} sizes @returns {Size} */
export function total(sizes) {
  return sizes.reduce(
    (sum, size) => ({ raw: sum.raw + size.raw, gzip: sum.gzip + size.gzip, brotli: sum.brotli + size.brotli }),
    { raw: 0, gzip: 0, brotli: 0 },
  );
}
