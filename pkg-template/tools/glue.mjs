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

/** Views of an instance's memory, which are made anew only when it grows. */
const VIEW = /^let (cached\w+Memory0) = null;$/gm;

/** What is made at import, where a platform that lacks it would throw: instances are what need it. */
const CODECS =
  /^let cachedTextDecoder = (new TextDecoder\(.+?\));\ncachedTextDecoder\.decode\(\);$([\s\S]*?)^const cachedTextEncoder = (new TextEncoder\(\));\n\nif [\s\S]*?^}$/m;

/** Options of a platform's class, which a polluted `Object.prototype` must not add to. */
const OPTIONS = /\{ (?=ignoreBOM: true)/g;

/** What is called with each new instance. */
const SETTER = "export function __wbg_set_wasm(val) {\n    wasm = val;\n";

/**
 * Writes the script: what the module is to be given as `imports`, what takes its exports as `use`, and what it exports.
 *
 * @param {string} glue as wasm-bindgen has written it
 * @param {string} file its name in the module's imports
 * @returns {{ glue: string, script: string }} the glue with its views forgotten with their instance and its codecs made for it,
 *   and the script that imports it from `./glue.js`
 * @throws {Error} where the glue is not what this was written for
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
  // One key to a line, as the names are looked for that way when they are shortened.
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
