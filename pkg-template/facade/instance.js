/** The WebAssembly module: its compilation and its current instance. */

/** @typedef {typeof import("../nolapse.js")} Glue */
/** @typedef {Awaited<NonNullable<import("../index.js").SessionOptions["wasm"]>>} Source */

export class Instance {
  /** Counts the instances: a trapped one must not be used again. */
  generation = 0;
  /** The sessions with machines in the current instance. @type {Set<import("./core.js").SharedSession>} */
  sessions = new Set();
  /** @type {WebAssembly.Module | undefined} */
  #module;

  /**
   * @param {Glue} glue the glue code that wasm-bindgen generated for the module
   * @param {WebAssembly.Module} [module] if it is compiled already
   */
  constructor(glue, module) {
    this.glue = glue;
    this.#module = module;
    if (module) this.reinstantiate(undefined);
  }

  /** @param {Source} source */
  async load(source) {
    const module = await compile(source);
    this.#start(await WebAssembly.instantiate(module, this.glue.imports));
    this.#module = module;
  }

  /** @param {WebAssembly.Instance} instance */
  #start({ exports }) {
    this.glue.use(exports);
    const { __wbindgen_start: start } = exports;
    if (typeof start === "function") start();
  }

  /**
   * Creates a fresh instance after a trap, and breaks every host whose machine was in the old one.
   *
   * @param {unknown} cause
   */
  reinstantiate(cause) {
    this.generation++;
    if (this.#module) this.#start(new WebAssembly.Instance(this.#module, this.glue.imports));
    for (const { host } of this.sessions) if (!host.broken) host.trap(cause);
  }
}

/**
 * Compiles the module from any kind of source.
 *
 * @param {Source} source
 */
async function compile(source) {
  const isPlace = typeof source === "string" || source instanceof URL || source instanceof Request;
  const found = isPlace ? await fetch(source) : source;
  if (found instanceof Response) {
    if (!found.ok) throw new Error(`${found.url}: status ${found.status}`);
    // Streaming compilation requires the MIME type `application/wasm`.
    const isNamed = found.headers.get("content-type") === "application/wasm";
    return isNamed ? WebAssembly.compileStreaming(found) : WebAssembly.compile(await found.arrayBuffer());
  }
  return found instanceof WebAssembly.Module ? found : WebAssembly.compile(/** @type {BufferSource} */ (found));
}
