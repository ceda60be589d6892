/**
 * Turns panics into bare traps.
 *
 * A panic's message is lost in a browser, which has no standard error, and a panic ends in a trap, which the facade converts to an
 * error. Messages, source locations and the code that formats them are a twentieth of the module.
 */

import binaryen from "binaryen";

import { findSection, Reader } from "./imports.mjs";

/** Functions that do nothing but panic. */
const PANICS = [
  /\bpanicking::/,
  /\bpanic_(already|poisoned)/,
  /\b(unwrap|expect|assert)_failed\b/,
  /\b(slice_index_fail|slice_error_fail|handle_error|handle_alloc_error|capacity_overflow|rust_oom|rust_panic)\b/,
  /\brust_begin_unwind\b/,
  /^wasm_bindgen::(throw_str|__rt::throw_null)\b/,
];

/** Formatting functions, if the module formats any value. */
const FORMATTING = /\bfmt::write$/;
const SPELLS = /\bfmt::|::fmt(::h[0-9a-f]+)?$/;

/** The data section's id, and the kind of a segment that lies in the only memory (WebAssembly Core §5.5.14). */
const DATA = 11;
const ACTIVE = 0;
const I32_CONST = 0x41;
const END = 0x0b;

/** A place in the source: the address and the length of a file's name, line and column, 4 bytes each. */
const PLACE = 16;

/** A part of the memory that the module fills. @typedef {{ address: number, bytes: Buffer }} Segment */

/**
 * Makes each panic of a module a trap, and clears the source locations.
 *
 * @param {Uint8Array} module with the names of its functions
 * @returns {Uint8Array} the module, with unreachable functions that wasm-opt removes
 */
export function silencePanics(module) {
  const parsed = binaryen.readBinary(module);
  const known = Array.from({ length: parsed.getNumFunctions() }, (_, index) => parsed.getFunctionByIndex(index));
  const functions = known.map((each) => binaryen.getFunctionInfo(each));
  const patterns = functions.some(({ name }) => FORMATTING.test(name)) ? PANICS : [...PANICS, SPELLS];
  for (const { name, base, params, results } of functions) {
    if (base || !patterns.some((pattern) => pattern.test(name))) continue;
    parsed.removeFunction(name);
    parsed.addFunction(name, params, results, [], parsed.unreachable());
  }
  const silent = Buffer.from(parsed.emitBinary());
  parsed.dispose();
  clearPlaces(segmentsOf(silent));
  return silent;
}

/**
 * Clears source locations: they alone contain the address of a text that ends in `.rs`, followed by its length.
 *
 * @param {Segment[]} segments
 */
function clearPlaces(segments) {
  /** @type {Set<Buffer>} */
  const files = new Set();
  for (const { address, bytes } of segments) {
    for (let at = -address & 3; at + PLACE <= bytes.length; at += 4) {
      const file = textAt(segments, bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
      if (!file?.toString("latin1").endsWith(".rs")) continue;
      bytes.fill(0, at, at + PLACE);
      files.add(file);
    }
  }
  for (const file of files) file.fill(0);
}

/**
 * @param {Segment[]} segments
 * @param {number} address
 * @param {number} length
 */
function textAt(segments, address, length) {
  const LONGEST = 300;
  if (length > LONGEST) return undefined;
  const holder = segments.find(
    (each) => address >= each.address && address + length <= each.address + each.bytes.length,
  );
  return holder?.bytes.subarray(address - holder.address, address - holder.address + length);
}

/**
 * The parts of the memory that a module fills, to be changed in place.
 *
 * @param {Buffer} module
 * @returns {Segment[]}
 */
function segmentsOf(module) {
  const { start } = findSection(module, DATA);
  const reader = new Reader(module, start);
  return Array.from({ length: reader.number() }, () => {
    const isPlain = reader.number() === ACTIVE && reader.byte() === I32_CONST;
    const address = reader.number();
    if (!isPlain || reader.byte() !== END) throw new Error("a data segment of another kind");
    const length = reader.number();
    reader.at += length;
    return { address, bytes: module.subarray(reader.at - length, reader.at) };
  });
}
