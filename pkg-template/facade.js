/** What the entries share: how the module is loaded and sessions are created. Importing it does nothing. */

import { cancelEarly, startEarly } from "../src/host/early-refresh.js";
import { readOptions } from "../src/host/options.js";
import { SharedSession } from "./facade/core.js";
import { messageOf, misconfigured, SessionError } from "./facade/errors.js";
import { Instance } from "./facade/instance.js";
import { openSession } from "./facade/session.js";

export { own } from "../src/host/own.js";
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
export function createEntry(glue, place) {
  /** @type {Promise<void> | undefined} */
  let loading;
  const instance = new Instance(glue);
  /** The same session created twice is one. @type {Set<SharedSession>} */
  const shared = new Set();

  /** @param {SessionOptions["wasm"]} [source] */
  function loadOnce(source) {
    loading ??= load(instance, () => source ?? place()).catch((error) => {
      loading = undefined; // a failed download must not poison every later call
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
 * Throws where the platform lacks what a session cannot do without. Locks, channel, storage, page and location are optional.
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
    // Markup can name a global that is missing: `<a id="WebAssembly">`.
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
  // A blocked module and a truncated one throw the same class.
  const isBlocked =
    cause instanceof WebAssembly.CompileError && /CSP|Content Security Policy|unsafe-eval/i.test(cause.message);
  return isBlocked ? "unsupported" : "load_failed";
}

/**
 * Whether two settings are of one session.
 *
 * @param {import("../src/host/options.js").Settings} one
 * @param {import("../src/host/options.js").Settings} other
 */
function isSame(one, other) {
  const [first, second] = [one, other].map(({ key, timeout, apis }) => [key, timeout, ...apis].join("\n"));
  return first === second && one.refresh === other.refresh && one.signOut === other.signOut;
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
