/** What the test environment lacks: relative URLs in Node, and APIs that Jest's jsdom environment hides. */

/** @typedef {{ getBuiltinModule?: (name: "node:vm") => typeof import("node:vm") }} Process */

const WANTED = /** @type {const} */ (["TextDecoder", "TextEncoder", "Request", "Headers", "Response"]);

/** Defines the web APIs that the environment lacks and Node has. */
export function completePlatform() {
  if (WANTED.every((name) => name in globalThis)) return;
  const node = outerRealm();
  for (const name of WANTED)
    if (!(name in globalThis))
      Object.defineProperty(globalThis, name, { value: node[name], configurable: true, writable: true });
}

/** Returns Node's own global object, which a test environment in a `vm` context hides. @returns {typeof globalThis} */
function outerRealm() {
  const { process } = /** @type {{ process?: Process }} */ (globalThis);
  return process?.getBuiltinModule?.("node:vm").runInThisContext("globalThis") ?? globalThis;
}

/**
 * Creates a `Request` class that resolves relative URLs against a page, and takes the signals of jsdom.
 *
 * @param {string} page
 * @returns {typeof Request}
 */
export function requestClass(page) {
  const Native = Request;
  return class extends Native {
    /**
     * @param {RequestInfo | URL} input
     * @param {RequestInit} [init]
     */
    constructor(input, init) {
      super(typeof input === "string" ? new URL(input, page) : input, withNativeSignal(init));
    }

    /** @override */
    get url() {
      return super.url;
    }
  };
}

/** @param {RequestInit | undefined} init @returns {RequestInit} */
function withNativeSignal(init) {
  /** @type {AbortSignal | null | undefined} */
  const signal = init?.signal;
  const { AbortController: Controller, AbortSignal: Signal } = outerRealm();
  const isNative = /** @type {object | null | undefined} */ (signal) instanceof Signal;
  if (!signal || isNative) return init ?? {};
  const controller = new Controller();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  return { ...init, signal: controller.signal };
}
