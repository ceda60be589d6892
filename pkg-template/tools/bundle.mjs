/** Bundles the scripts of the package. */

import { readFile } from "node:fs/promises";

import * as codes from "../../src/generated/codes.js";

/** The script that passes commands from the module to its host. */
export const BRIDGE = "bridge.js";

/**
 * Options of the bundler. `bridge.js` stays a separate file, because module and host must share one instance of it. So do
 * the facade, which other entry points share, the script of `nolapse_verify`, which is generated elsewhere, and `new-key.js`,
 * `provider.js`, `push.js` and `step-up.js`, which are loaded when they are needed.
 *
 * @type {import("esbuild").BuildOptions & { write: false }}
 */
export const BUNDLE = {
  bundle: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  write: false,
  // An optional peer dependency, of `nolapse/server` alone.
  external: ["jose"],
  plugins: [
    {
      name: "codes",
      setup: ({ onLoad }) =>
        onLoad({ filter: /\/src\/host\/\w[\w-]*\.js$/ }, async ({ path }) => ({
          contents: inlined(await readFile(path, "utf8")),
        })),
    },
    {
      name: "shared",
      setup: ({ onResolve }) =>
        onResolve(
          { filter: /^\.\/(facade|nolapse|nolapse_bytes|nolapse_verify|new-key|provider|push|step-up)\.js$/ },
          ({ path }) => ({
            path,
            external: true,
            sideEffects: false,
          }),
        ),
    },
    {
      name: "bridge",
      setup: ({ onResolve }) =>
        onResolve({ filter: /\/(bridge|generated\/host)\.js$/ }, () => ({
          path: `./${BRIDGE}`,
          external: true,
          sideEffects: false,
        })),
    },
  ],
};

/**
 * Puts the numbers of inputs and commands in the place of their names: bundlers keep a variable for each.
 *
 * @param {string} script
 */
function inlined(script) {
  const [statement, list = ""] =
    /^import (?:\* as codes|\{([^}]*)\}) from "\.\.\/generated\/codes\.js";$/m.exec(script) ?? [];
  if (statement === undefined) return script;
  const numbers = new Map(Object.entries(codes));
  const names = list.split(",").map((name) => name.trim());
  return script
    .replace(statement, "")
    .replace(/\bcodes\.([A-Z_]+)\b/g, (_, /** @type {string} */ name) => `${numbers.get(name)}`)
    .replace(/\b[A-Z][A-Z_]+\b/g, (name) => (names.includes(name) ? `${numbers.get(name)}` : name));
}

/**
 * Bundles and minifies a module's glue.
 *
 * @param {string} contents
 * @param {string} resolveDir
 */
export async function bundledGlue(contents, resolveDir) {
  // Imported dynamically: the packages may not be installed before setup.
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    ...BUNDLE,
    stdin: { contents, resolveDir },
    minify: true,
    // Machines are freed explicitly. A FinalizationRegistry could free one in the wrong instance.
    define: { FinalizationRegistry: "undefined", "Symbol.dispose": "undefined" },
  });
  return outputFiles[0]?.text ?? "";
}
