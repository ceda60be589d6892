/**
 * The API of `nolapse`, with the WebAssembly module in the script: for bundlers and hosts that know no `.wasm` files.
 *
 * @packageDocumentation
 */

export * from "./index.js";
