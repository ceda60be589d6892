/**
 * Converts wasm-bindgen's glue for bundlers to one script that can instantiate the module more than once.
 *
 * The glue for pages has a loader of its own and keeps one instance for ever; the glue for bundlers has the same functions without
 * them.
 */

/** Exports of the glue for the module itself. */
const IMPORT = /^export function (__wb(?!g_set_wasm\b)\w+)\(/gm;

/** Exports of the glue for its users. */
const EXPORT = /^export (?:class|function) (?!__wb)(\w+)/gm;

/** Cached views of an instance's memory, which are replaced only when it grows. */
const VIEW = /^let (cached\w+Memory0) = null;$/gm;

/** Objects that the glue creates at import, which would throw on a platform without their class: only instances need them. */
const CODECS =
  /^let cachedTextDecoder = (new TextDecoder\(.+?\));\ncachedTextDecoder\.decode\(\);$([\s\S]*?)^const cachedTextEncoder = (new TextEncoder\(\));\n\nif [\s\S]*?^}$/m;

/** Options of a platform's class, which a polluted `Object.prototype` must not add to. */
const OPTIONS = /\{ (?=ignoreBOM: true)/g;

/** The function that is called with each new instance. */
const SETTER = "export function __wbg_set_wasm(val) {\n    wasm = val;\n";

/**
 * Writes the script. It exports `imports`, the module's import object, `use`, which takes the module's exports, and the glue's own exports.
 *
 * @param {string} glue as wasm-bindgen has written it
 * @param {string} file its name in the module's imports
 * @returns {{ glue: string, script: string }} the glue, whose memory views and text codecs belong to one instance,
 *   and the script that imports it from `./glue.js`
 * @throws {Error} if the glue has another form
 */
export function openGlue(glue, file) {
  const [imports, exports, views] = [IMPORT, EXPORT, VIEW].map((pattern) => [...glue.matchAll(pattern)].map(nameOf));
  const [, decoder, between, encoder] = CODECS.exec(glue) ?? [];
  const lazy = glue.replace(CODECS, () => `let cachedTextDecoder, cachedTextEncoder;\n${between}`);
  const parts = lazy.split(SETTER);
  if (parts.length !== 2 || !imports?.length || !exports?.length || !views?.length || !decoder) {
    throw new Error("wasm-bindgen writes its glue in another way than before");
  }
  const codecs = `    cachedTextDecoder = ${decoder};\n    cachedTextEncoder = ${encoder};\n`;
  const renew = codecs + views.map((view) => `    ${view} = null;\n`).join("");
  // One key per line: `shortenImports` finds the names that way.
  const keys = imports.map((name) => `\n        ${name}: glue.${name},`).join("");
  const script = [
    'import * as glue from "./glue.js";',
    `export { ${exports.join(", ")}, __wbg_set_wasm as use } from "./glue.js";`,
    `export const imports = {\n        "${file}": {${keys}\n        },\n};\n`,
  ];
  return { glue: parts.join(SETTER + renew).replaceAll(OPTIONS, "{ __proto__: null, "), script: script.join("\n") };
}

/** @param {RegExpMatchArray} match */
function nameOf([, name = ""]) {
  return name;
}
