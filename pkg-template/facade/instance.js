/** The WebAssembly module: its compilation and its current instance. */

/** @typedef {typeof import("../nolapse.js")} Glue */
/** @typedef {Awaited<NonNullable<import("../index.js").SessionOptions["wasm"]>>} Source */

export class Instance {
  /** Counts the instances: a trapped one must not be used again. */
  generation = 0;
  /** The sessions with machines in the current instance. @type {Set<import("./core.js").SharedSession>} */
  sessions = new Set();
  /** Creates another instance of what is loaded. @type {(() => WebAssembly.Instance) | undefined} */
  #create;

  /**
   * @param {Glue} glue the glue code that wasm-bindgen generated for the module
   * @param {WebAssembly.Module} [module] if it is compiled already
   */
  constructor(glue, module) {
    this.glue = glue;
    if (module) this.#use(() => new WebAssembly.Instance(module, glue.imports));
  }

  /** @param {Source} source */
  async load(source) {
    const module = await compile(source);
    this.#start(await WebAssembly.instantiate(module, this.glue.imports));
    this.#create = () => new WebAssembly.Instance(module, this.glue.imports);
  }

  /**
   * Uses the module's translation to JavaScript, which has a glue of its own.
   *
   * @param {typeof import("../nolapse_js.js")} glue
   */
  useTranslation(glue) {
    this.glue = glue;
    this.#use(glue.instantiate);
  }

  /** @param {() => WebAssembly.Instance} create */
  #use(create) {
    this.#create = create;
    this.#start(create());
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
    if (this.#create) this.#start(this.#create());
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
