/** What the entries share: how the module is loaded and sessions are created. Importing it does nothing. */

import { abandon, begin } from "../src/browser/head-start.js";
import { readOptions } from "../src/browser/options.js";
import { Core } from "./facade/core.js";
import { messageOf, misconfigured, SessionError } from "./facade/errors.js";
import { Instance } from "./facade/instance.js";
import { openSession } from "./facade/session.js";

export { isSessionError, messageOf, SessionEnded, SessionError } from "./facade/errors.js";

/** Names the build; the module says the same name, or it is of another release. */
const BUILD_ID = Number("__NOLAPSE_BUILD_ID__");

/** @typedef {import("./facade/instance.js").Glue} Glue */
/** @typedef {import("./index.js").SessionOptions} SessionOptions */
/** @typedef {import("./index.js").SessionErrorCode} SessionErrorCode */

/**
 * Makes `createSession` for one module, and what loads it.
 *
 * @param {Glue} glue what wasm-bindgen made for it
 * @param {() => URL} place gives the URL of the module's file
 */
export function entry(glue, place) {
  /** @type {Promise<void> | undefined} */
  let loading;
  const instance = new Instance(glue);
  /** Sessions by their options: the same session created twice is one. @type {Map<string | undefined, Core>} */
  const shared = new Map();

  /** @param {SessionOptions["wasm"]} [source] */
  function loadOnce(source) {
    loading ??= load(instance, source ?? place()).catch((error) => {
      loading = undefined; // a failed download must not poison every later call
      throw error;
    });
    return loading;
  }

  /** @param {SessionOptions} options */
  async function createSession(options) {
    const settings = checked(options);
    const key = keyOf(options);
    const headStart = shared.has(key) ? undefined : begin(settings);
    try {
      await loadOnce(options.wasm);
      await headStart?.nearlySent;
    } catch (error) {
      abandon(headStart);
      throw error;
    }
    let core = shared.get(key);
    if (core) {
      abandon(headStart);
    } else {
      core = new Core(instance, settings, () => shared.delete(key), headStart);
      if (key !== undefined) shared.set(key, core);
    }
    return openSession(core);
  }

  return { createSession, loadOnce };
}

/**
 * @param {Instance} instance
 * @param {NonNullable<SessionOptions["wasm"]>} source
 */
async function load(instance, source) {
  if (typeof WebAssembly !== "object") throw new SessionError("unsupported", "there is no WebAssembly here");
  try {
    await instance.load(await source);
  } catch (cause) {
    const code = loadFailure(cause);
    throw new SessionError(code, `the session module could not be loaded: ${messageOf(cause)}`, { cause });
  }
  if (instance.glue.buildId() !== BUILD_ID)
    throw new SessionError("version_mismatch", "the session module is of another release");
}

/** @param {unknown} cause @returns {SessionErrorCode} */
function loadFailure(cause) {
  if (cause instanceof WebAssembly.LinkError) return "version_mismatch";
  // A blocked module and a truncated one throw the same class.
  const isBlocked =
    cause instanceof WebAssembly.CompileError && /CSP|Content Security Policy|unsafe-eval/i.test(cause.message);
  return isBlocked ? "unsupported" : "load_failed";
}

/** @type {WeakMap<WeakKey, number>} */
const functionNumbers = new WeakMap();
let lastFunction = 0;

/**
 * Spells options, so that the same ones have the same spelling; nothing for what cannot be spelled.
 *
 * @param {unknown} options
 * @returns {string | undefined}
 */
function keyOf(options) {
  try {
    return JSON.stringify(options, (name, value) => {
      if (typeof value !== "function") return name === "wasm" ? undefined : value;
      if (!functionNumbers.has(value)) functionNumbers.set(value, ++lastFunction);
      return { function: functionNumbers.get(value) };
    });
  } catch {
    return undefined;
  }
}

/**
 * Checks options; the error for the first that makes no sense has its name.
 *
 * @param {unknown} options
 */
function checked(options) {
  try {
    return readOptions(options);
  } catch (error) {
    throw misconfigured(error);
  }
}
