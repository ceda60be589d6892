/** Shared by the entry points: loads the module and creates sessions. Importing it has no side effects. */

import { readOptions } from "../src/host/options.js";
import { SharedSession } from "./facade/core.js";
import { messageOf, misconfigured, SessionError } from "./facade/errors.js";
import { Instance } from "./facade/instance.js";
import { openSession } from "./facade/session.js";

export { own } from "../src/host/own.js";
export { Host } from "../src/host/host.js";
export { SharedSession } from "./facade/core.js";
export { isSessionError, messageOf, SessionEnded, SessionError } from "./facade/errors.js";
export { Instance } from "./facade/instance.js";
export { openSession } from "./facade/session.js";

/** The build id; a module with a different one is from another release. */
const BUILD_ID = Number("__NOLAPSE_BUILD_ID__");

/** @typedef {import("./facade/instance.js").Glue} Glue */
/** Loads the module as JavaScript, where there is no WebAssembly. @typedef {() => Promise<typeof import("./nolapse_js.js")>} Translation */
/** @typedef {import("./index.js").SessionOptions} SessionOptions */
/** @typedef {import("./index.js").SessionErrorCode} SessionErrorCode */

/**
 * Creates `createSession` for one module.
 *
 * @param {Glue} glue the glue code that wasm-bindgen generated for it
 * @param {() => URL} place returns the URL of the module's file
 * @param {Translation} [translation]
 */
export function createEntry(glue, place, translation) {
  /** @type {Promise<void> | undefined} */
  let loading;
  const instance = new Instance(glue);
  /** Sessions by settings: creating one twice shares it. @type {Set<SharedSession>} */
  const shared = new Set();

  /** @param {SessionOptions["wasm"]} [source] */
  function loadOnce(source) {
    loading ??= load(instance, () => source ?? place(), translation).catch((error) => {
      loading = undefined; // let the next call retry a failed download
      throw error;
    });
    return loading;
  }

  /** @param {SessionOptions} options */
  function createSession(options) {
    demandPlatform(translation);
    const settings = readSettings(options);
    const found = [...shared].find((session) => isSame(session.settings, settings));
    if (found) {
      // Loads the module again if it could not be loaded.
      found.activeHost();
      return openSession(found);
    }
    const loadModule = () => loadOnce(/** @type {SessionOptions["wasm"]} */ (settings.wasm));
    const made = new SharedSession(instance, settings, loadModule, () => shared.delete(made), globalThis);
    shared.add(made);
    return openSession(made);
  }

  return { createSession, loadOnce };
}

/** Whether there is WebAssembly. Markup can define a missing global: `<a id="WebAssembly">`. */
function hasWebAssembly() {
  return typeof globalThis.WebAssembly?.compile === "function";
}

/**
 * Throws if the platform lacks a required API. Locks, channel, storage, document and location are optional.
 *
 * @param {Translation} [translation]
 */
function demandPlatform(translation) {
  try {
    const parts = [
      fetch,
      Request,
      Response,
      URL,
      Blob,
      AbortController,
      EventTarget,
      TextEncoder,
      TextDecoder,
      setTimeout,
      atob,
    ];
    for (const part of [...parts, crypto.getRandomValues, performance.now, translation ?? WebAssembly.compile]) {
      if (typeof part !== "function") throw new TypeError("missing API");
    }
  } catch (cause) {
    throw new SessionError("unsupported", `unsupported platform: ${messageOf(cause)}`, { cause });
  }
}

/**
 * @param {Instance} instance
 * @param {() => NonNullable<SessionOptions["wasm"]>} source
 * @param {Translation} [translation]
 */
async function load(instance, source, translation) {
  try {
    if (translation && !hasWebAssembly()) instance.useTranslation(await translation());
    else await instance.load(await source());
  } catch (cause) {
    const code = loadFailure(cause);
    throw new SessionError(code, `could not load the module; nolapse/inline includes it: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (instance.glue.buildId() !== BUILD_ID)
    throw new SessionError("version_mismatch", "the module is from another release");
}

/** @param {unknown} cause @returns {SessionErrorCode} */
function loadFailure(cause) {
  if (!hasWebAssembly()) return "load_failed";
  if (cause instanceof WebAssembly.LinkError) return "version_mismatch";
  // A module blocked by CSP and a truncated one throw the same class.
  const isBlocked =
    cause instanceof WebAssembly.CompileError && /CSP|Content Security Policy|unsafe-eval/i.test(cause.message);
  return isBlocked ? "unsupported" : "load_failed";
}

/**
 * Whether two settings describe the same session.
 *
 * @param {import("../src/host/options.js").Settings} one
 * @param {import("../src/host/options.js").Settings} other
 */
function isSame(one, other) {
  const [first, second] = [one, other].map(
    ({ key, timeoutMs, deviceBinding, push, authorization, context, allowedOrigins }) =>
      [key, timeoutMs, deviceBinding, push, authorization, context, ...allowedOrigins].join("\n"),
  );
  return first === second && one.refresh === other.refresh && one.signOut === other.signOut;
}

/**
 * Checks options; the error for the first invalid one has its name.
 *
 * @param {unknown} options
 */
export function readSettings(options) {
  try {
    return readOptions(options);
  } catch (error) {
    throw misconfigured(error);
  }
}
