/** The module as JavaScript, which the build makes, for browsers without WebAssembly. Users never see it. */

export * from "./nolapse.js";

/** Creates an instance, with its exports as a module's have them. */
export function instantiate(): WebAssembly.Instance;
