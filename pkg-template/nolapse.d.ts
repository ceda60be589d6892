/** What wasm-bindgen makes of the crate, as far as the facade uses it. Users never see it. */

export { Machine } from "../src/host/machine.js";

export function buildId(): number;

/** What an instance of the module is given. */
export const imports: WebAssembly.Imports;

/** Takes the exports of a new instance: from now on, everything here is about that one. */
export function use(exports: WebAssembly.Exports): void;
