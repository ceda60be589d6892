/**
 * Gives the imports of a wasm-bindgen module short names, in the module and in its glue.
 *
 * Each import's name carries a hash that does not compress, and is in both files: with a hundred imports
 * that is a tenth of a small module.
 */

/** The id of the import section (WebAssembly Core §5.5.5). */
const IMPORTS = 2;

/** How many bytes a module's header has: magic and version. */
const HEADER = 8;

/** Kinds of imports (WebAssembly Core §5.5.5) that wasm-bindgen makes: functions, whose type is one index. */
const FUNCTION = 0;

/** The folder for a crate's own scripts. */
const SNIPPETS = "./snippets/";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/**
 * Renames the imports of a module.
 *
 * @param {Uint8Array} module
 * @param {string} glue the script with the import object, unminified: each name is a key of it, on a line of its own
 * @returns {{ module: Uint8Array, glue: string }}
 * @throws {Error} if the module imports anything but functions, or the glue does not have a name exactly once
 */
export function shortenImports(module, glue) {
  const section = findSection(module, IMPORTS);
  const reader = new Reader(module.subarray(section.start, section.end));
  const count = reader.number();
  const parts = [unsigned(count)];
  let renamed = glue;
  /** Modules by their names, and their short names. @type {Map<string, string>} */
  const modules = new Map();
  for (let index = 0; index < count; index += 1) {
    const from = reader.text();
    const name = reader.text();
    if (reader.byte() !== FUNCTION) throw new Error(`the import ${name} is no function`);
    if (!modules.has(from)) {
      modules.set(from, letters(modules.size));
      // A script of the crate's is imported anew for each function that needs no conversion.
      renamed = renamed.replaceAll(`\n        "${from}": `, `\n        ${letters(modules.size - 1)}: `);
    }
    // Exports of the crate's own script keep their names.
    const short = from.startsWith(SNIPPETS) ? name : letters(index);
    if (short !== name) renamed = renameKey(renamed, name, short);
    parts.push(text(letters([...modules.keys()].indexOf(from))), text(short));
    parts.push(Uint8Array.of(FUNCTION), unsigned(reader.number()));
  }
  // The glue has entries for imports that wasm-opt removed from the module; they are never called.
  renamed = renamed.replace(/\n {8}__wb\w+: [^\n]*/g, "");
  const body = Buffer.concat(parts);
  return { module: replaceSection(module, section, IMPORTS, body), glue: renamed };
}

/**
 * @param {string} glue
 * @param {string} name
 * @param {string} short
 */
function renameKey(glue, name, short) {
  const parts = glue.split(`\n        ${name}: `);
  if (parts.length !== 2) throw new Error(`the glue has the import ${name} ${parts.length - 1} times`);
  return parts.join(`\n        ${short}: `);
}

/**
 * @param {Uint8Array} module
 * @param {number} wanted
 * @returns {{ head: number, start: number, end: number }}
 */
export function findSection(module, wanted) {
  const reader = new Reader(module, HEADER);
  while (reader.at < module.length) {
    const head = reader.at;
    const id = reader.byte();
    const size = reader.number();
    if (id === wanted) return { head, start: reader.at, end: reader.at + size };
    reader.at += size;
  }
  throw new Error(`the module has no section ${wanted}`);
}

/**
 * Replaces a section of a module.
 *
 * @param {Uint8Array} module
 * @param {{ head: number, end: number }} section where it is
 * @param {number} id
 * @param {Uint8Array} body its new content
 * @returns {Buffer}
 */
export function replaceSection(module, { head, end }, id, body) {
  return Buffer.concat([
    module.subarray(0, head),
    Uint8Array.of(id),
    unsigned(body.length),
    body,
    module.subarray(end),
  ]);
}

/** Reads the numbers and names of a module. */
export class Reader {
  /**
   * @param {Uint8Array} bytes
   * @param {number} [at]
   */
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new Error("the module ends too soon");
    this.at += 1;
    return byte;
  }

  /** An unsigned LEB128 number (WebAssembly Core §5.2.2). */
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  text() {
    const length = this.number();
    const bytes = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return new TextDecoder().decode(bytes);
  }
}

/** @param {number} value @returns {Uint8Array} */
export function unsigned(value) {
  const bytes = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}

/** @param {string} value @returns {Uint8Array} */
export function text(value) {
  const bytes = new TextEncoder().encode(value);
  return Buffer.concat([unsigned(bytes.length), bytes]);
}

/** @param {number} index @returns {string} */
export function letters(index) {
  const rest = Math.floor(index / LETTERS.length);
  return (rest > 0 ? letters(rest - 1) : "") + LETTERS[index % LETTERS.length];
}
