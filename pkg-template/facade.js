/** Shared by the entry points: loads the module and creates sessions. Importing it has no side effects. */

import { cancelEarly, startEarly } from "../src/host/early-refresh.js";
import { readOptions } from "../src/host/options.js";
import { SharedSession } from "./facade/core.js";
import { messageOf, misconfigured, SessionError } from "./facade/errors.js";
import { Instance } from "./facade/instance.js";
import { openSession } from "./facade/session.js";

export { own } from "../src/host/own.js";
export { isSessionError, messageOf, SessionEnded, SessionError } from "./facade/errors.js";

/** The build id; a module with a different one is from another release. */
const BUILD_ID = Number("__NOLAPSE_BUILD_ID__");

/** @typedef {import("./facade/instance.js").Glue} Glue */
/** @typedef {import("./index.js").SessionOptions} SessionOptions */
/** @typedef {import("./index.js").SessionErrorCode} SessionErrorCode */

/**
 * Creates `createSession` and `loadOnce` for one module.
 *
 * @param {Glue} glue the glue code that wasm-bindgen generated for it
 * @param {() => URL} place returns the URL of the module's file
 */
export function createEntry(glue, place) {
  /** @type {Promise<void> | undefined} */
  let loading;
  const instance = new Instance(glue);
  /** Sessions by settings: creating one twice shares it. @type {Set<SharedSession>} */
  const shared = new Set();

  /** @param {SessionOptions["wasm"]} [source] */
  function loadOnce(source) {
    loading ??= load(instance, () => source ?? place()).catch((error) => {
      loading = undefined; // let the next call retry a failed download
      throw error;
    });
    return loading;
  }

  /** @param {SessionOptions} options */
  async function createSession(options) {
    demandPlatform();
    const settings = checked(options);
    const find = () => [...shared].find((session) => isSame(session.settings, settings));
    const earlyRefresh = find() ? undefined : startEarly(settings);
    try {
      await loadOnce(/** @type {SessionOptions["wasm"]} */ (settings.wasm));
      await earlyRefresh?.decided;
    } catch (error) {
      cancelEarly(earlyRefresh);
      throw error;
    }
    const session = find();
    if (session) {
      cancelEarly(earlyRefresh);
      return openSession(session);
    }
    const made = new SharedSession(instance, settings, () => shared.delete(made), earlyRefresh);
    shared.add(made);
    return openSession(made);
  }

  return { createSession, loadOnce };
}

/**
 * Throws if the platform lacks a required API. Locks, channel, storage, document and location are optional.
 */
function demandPlatform() {
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
    // Markup can define a missing global: `<a id="WebAssembly">`.
    for (const part of [...parts, crypto.getRandomValues, performance.now, WebAssembly.compile]) {
      if (typeof part !== "function") throw new TypeError("a part is missing");
    }
  } catch (cause) {
    throw new SessionError("unsupported", `no platform for sessions: ${messageOf(cause)}`, { cause });
  }
}

/**
 * @param {Instance} instance
 * @param {() => NonNullable<SessionOptions["wasm"]>} source
 */
async function load(instance, source) {
  try {
    await instance.load(await source());
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
  const [first, second] = [one, other].map(({ key, timeout, apis }) => [key, timeout, ...apis].join("\n"));
  return first === second && one.refresh === other.refresh && one.signOut === other.signOut;
}

/**
 * Checks options; the error for the first invalid one has its name.
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
