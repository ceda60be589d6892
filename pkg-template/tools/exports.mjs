/** Gives the exports of a wasm-bindgen module short names, in the module and in its glue, and drops those that the glue lacks. */

import { findSection, letters, Reader, replaceSection, text, unsigned } from "./imports.mjs";

/** The id of the export section (WebAssembly Core §5.5.10). */
const EXPORTS = 7;

/** Exports that the facade and debuggers use by name. */
const KEPT = ["memory", "__wbindgen_start"];

/**
 * Renames the exports of a module.
 *
 * @param {Uint8Array} module
 * @param {string} glue the script that calls them, as members of `wasm`
 * @returns {{ module: Uint8Array, glue: string }}
 */
export function shortenExports(module, glue) {
  const section = findSection(module, EXPORTS);
  const reader = new Reader(module.subarray(section.start, section.end));
  const parts = [];
  let renamed = glue;
  for (let left = reader.number(); left > 0; left -= 1) {
    const name = reader.text();
    const [kind, index] = [reader.byte(), reader.number()];
    const use = new RegExp(`\\bwasm\\.${name}\\b`, "g");
    const isKept = KEPT.includes(name);
    if (!isKept && !use.test(glue)) continue;
    /** @type {string} */
    const short = isKept ? name : letters(parts.length);
    renamed = renamed.replace(use, `wasm.${short}`);
    parts.push(Buffer.concat([text(short), Uint8Array.of(kind), unsigned(index)]));
  }
  const body = Buffer.concat([unsigned(parts.length), ...parts]);
  return { module: replaceSection(module, section, EXPORTS, body), glue: renamed };
}
