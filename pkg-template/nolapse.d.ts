/** What wasm-bindgen makes of the crate, as far as the facade uses it. Users never see it. */

import type { WasmSource } from "./index.js";

export { Machine } from "../src/browser/machine.js";

export function buildId(): string;

/** Makes another instance of the module; what belongs to the one before throws from now on. */
export function __wbg_reset_state(): void;

export default function load(options: { module_or_path: WasmSource }): Promise<unknown>;
