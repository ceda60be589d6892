/** Translates a compiled module to JavaScript, for browsers without WebAssembly. */

import { Reader } from "./imports.mjs";

/** How many bytes a module's header has, and the id of custom sections (WebAssembly Core §5.5). */
const HEADER = 8;
const CUSTOM = 0;

/** What wasm-bindgen reads to tell whether it may use reference types. */
const FEATURES = "target_features";

/** Compiler flags of a module that can be translated: one table, and nothing that is newer than the first WebAssembly. */
export const TRANSLATABLE = ["-Ctarget-cpu=mvp", "-Ctarget-feature=+mutable-globals"];

/** wasm-opt flags that rewrite what the standard library uses all the same. */
export const LOWERING = [
  "--mvp-features",
  "--enable-bulk-memory",
  "--enable-sign-ext",
  "--enable-nontrapping-float-to-int",
  "--enable-mutable-globals",
  "--llvm-memory-copy-fill-lowering",
  "--llvm-nontrapping-fptoint-lowering",
  "--signext-lowering",
  "-Oz",
  "--strip-debug",
];

/** How the glue tells that a view is stale. A translated module's memory leaves its former buffer as it is. */
const STALE = /(cached\w+Memory0)\.byteLength === 0/g;

/** The beginning and the end of a translation, between which is what makes an instance. */
const IMPORT = /^import \* as \S+ from '\.\/nolapse_bg\.js';\n/;
const END = /^var retasmFunc = asmFunc\(\{[\s\S]*$/m;

/**
 * Removes the list of features, which the standard library fills with reference types.
 *
 * @param {Buffer} module
 * @returns {Buffer}
 */
export function withoutFeatures(module) {
  const reader = new Reader(module, HEADER);
  const parts = [module.subarray(0, HEADER)];
  while (reader.at < module.length) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.number();
    const end = reader.at + length;
    if (id !== CUSTOM || reader.text() !== FEATURES) parts.push(module.subarray(start, end));
    reader.at = end;
  }
  return Buffer.concat(parts);
}

/**
 * Completes the script of a translated module: `instantiate` makes an instance, as often as it is called.
 *
 * @param {string} translation as wasm2js has written it
 * @param {{ glue: string, script: string }} opened the glue
 * @returns {{ glue: string, script: string }} to be bundled
 * @throws {Error} where a tool writes its output in another way
 */
export function instantiable(translation, { glue, script }) {
  if (!IMPORT.test(translation) || !END.test(translation) || !STALE.test(glue)) {
    throw new Error("wasm2js or wasm-bindgen writes its output in another way than before");
  }
  const body = translation.replace(IMPORT, "").replace(END, "return asmFunc(imports);");
  return {
    glue: glue.replaceAll(STALE, "$1.buffer !== wasm.memory.buffer"),
    script: `${script}\nexport function instantiate() {\nreturn { exports: translated() };\n}\nfunction translated() {\n${body}\n}\n`,
  };
}
