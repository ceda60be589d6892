/** What wasm-bindgen makes of the crate, as far as the facade uses it. Users never see it. */

import type { WasmSource } from "./index.js";

export { Machine } from "../src/browser/machine.js";

export function buildId(): string;

export default function load(options: { module_or_path: WasmSource }): Promise<unknown>;
