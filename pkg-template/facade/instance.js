/** The module: how it is compiled, and the instance of it that is at work. */

/** @typedef {typeof import("../nolapse.js")} Glue */
/** @typedef {Awaited<NonNullable<import("../index.js").SessionOptions["wasm"]>>} Source */

export class Instance {
  /** Counts the instances: one that has trapped is not to be used again. */
  generation = 0;
  /** Who has machines in it. @type {Set<import("./core.js").SharedSession>} */
  sessions = new Set();
  /** @type {WebAssembly.Module | undefined} */
  #module;

  /** @param {Glue} glue what wasm-bindgen made for the module */
  constructor(glue) {
    this.glue = glue;
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
   * Begins again after a trap, on a fresh instance; nobody's machine is left.
   *
   * @param {unknown} cause
   */
  reinstantiate(cause) {
    this.generation++;
    if (this.#module) this.#start(new WebAssembly.Instance(this.#module, this.glue.imports));
    for (const { host } of this.sessions) if (!host.trap) host.break(cause);
  }
}

/**
 * Compiles the module from wherever it is.
 *
 * @param {Source} source
 */
async function compile(source) {
  const isPlace = typeof source === "string" || source instanceof URL || source instanceof Request;
  const found = isPlace ? await fetch(source) : source;
  if (found instanceof Response) {
    if (!found.ok) throw new Error(`${found.url} was answered with status ${found.status}`);
    // Compiled while it comes in; where the server gives it another type, the platform wants all of it first.
    const isNamed = found.headers.get("content-type") === "application/wasm";
    return isNamed ? WebAssembly.compileStreaming(found) : WebAssembly.compile(await found.arrayBuffer());
  }
  return found instanceof WebAssembly.Module ? found : WebAssembly.compile(/** @type {BufferSource} */ (found));
}
