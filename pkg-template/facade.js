/** What both entries share: classes, listeners and snapshots around the module's handle. Importing it does nothing. */

/** Names the build; the module says the same name, or it is of another release. */
const BUILD_ID = "__NOLAPSE_BUILD_ID__";

/** @typedef {typeof import("./nolapse.js")} Glue */
/** @typedef {import("./nolapse.js").Facade} Facade */
/** @typedef {import("./index.js").SessionOptions} SessionOptions */
/** @typedef {import("./index.js").SessionStatus} SessionStatus */
/** @typedef {import("./index.js").SessionErrorCode} SessionErrorCode */
/** @typedef {(event: never) => void} Listener */

export class SessionError extends Error {
  /**
   * @param {SessionErrorCode} code
   * @param {string} message
   * @param {{ [Name in keyof import("./index.js").SessionErrorDetails]?: import("./index.js").SessionErrorDetails[Name] | null | undefined }} [details]
   */
  constructor(code, message, { reason = null, failure = null, retryIn = null, option = null, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SessionError";
    this.code = code;
    this.reason = reason;
    this.failure = failure;
    this.retryIn = retryIn;
    this.option = option;
  }
}

export class SessionEnded extends Error {
  /** @param {import("./index.js").SignOutReason} [reason] */
  constructor(reason = "expired") {
    super(`the session has ended: ${reason}`);
    this.name = "SessionEnded";
    this.reason = reason;
  }
}

/**
 * @param {unknown} error
 * @param {SessionErrorCode} [code]
 */
export function isSessionError(error, code) {
  if (!(error instanceof Error) || error.name !== "SessionError") return false;
  return code === undefined || ("code" in error && error.code === code);
}

/**
 * Makes `createSession` for one module, and what loads it.
 *
 * @param {Glue} glue what wasm-bindgen made for it
 * @param {() => URL} place gives the URL of the module's file
 */
export function entry(glue, place) {
  /** @type {Promise<void> | undefined} */
  let loading;
  /** Sessions by their options: the same session created twice is one. @type {Map<string | undefined, Core>} */
  const shared = new Map();

  /** @param {SessionOptions["wasm"]} [source] */
  function loadOnce(source) {
    loading ??= load(glue, source ?? place()).catch((error) => {
      loading = undefined; // a failed download must not poison every later call
      throw error;
    });
    return loading;
  }

  /** @param {SessionOptions} options */
  async function createSession(options) {
    await loadOnce(options?.wasm);
    const key = keyOf(options);
    let core = shared.get(key);
    if (core === undefined) {
      core = new Core(glue, options, () => shared.delete(key));
      if (key !== undefined) shared.set(key, core);
    }
    return openSession(core);
  }

  return { createSession, loadOnce };
}

/**
 * @param {Glue} glue
 * @param {NonNullable<SessionOptions["wasm"]>} source
 */
async function load(glue, source) {
  if (typeof WebAssembly !== "object") throw new SessionError("unsupported", "there is no WebAssembly here");
  try {
    await glue.default({ module_or_path: await source });
  } catch (cause) {
    const code = loadFailure(cause);
    throw new SessionError(code, `the session module could not be loaded: ${messageOf(cause)}`, { cause });
  }
  if (glue.buildId() !== BUILD_ID)
    throw new SessionError("version_mismatch", "the session module is of another release");
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
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
 * @param {string} option
 * @param {string} expected
 * @returns {never}
 */
function refuse(option, expected) {
  throw new SessionError("misconfigured", `${option} must be ${expected}`, { option });
}

/**
 * @param {object} object
 * @param {readonly string[]} known
 */
function refuseUnknown(object, known, prefix = "") {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) refuse(prefix + key, "left out: there is no such option");
  }
}

/**
 * Spells a URL as text; nothing for what is none.
 *
 * @param {unknown} value
 */
function textOf(value) {
  return typeof value === "string" || value instanceof URL ? String(value) : undefined;
}

/**
 * Takes a URL or a function.
 *
 * @param {string | URL | ((context: never) => unknown) | undefined} value
 */
function placeOf(value) {
  return typeof value === "function" ? value : textOf(value);
}

/**
 * Reads the options field by field; what the fields mean is for the module to check.
 *
 * @param {SessionOptions} options
 * @returns {import("./nolapse.js").Given}
 */
function readOptions(options) {
  if (typeof options !== "object" || options === null) refuse("options", "an object");
  refuseUnknown(options, ["auth", "apis", "name", "timeout", "wasm"]);
  const { auth, apis = [], name, timeout = 10 } = options;
  // A list in one text: no origin has white space in it.
  const list = Array.isArray(apis) ? apis.map(textOf) : [undefined];
  if (list.some((api) => !api || /\s/.test(api))) refuse("apis", "an array of origins");
  if (name !== undefined && typeof name !== "string") refuse("name", "a string");
  /** @type {[string, string | undefined, number]} */
  const rest = [list.join("\n"), name, typeof timeout === "number" ? timeout : Number.NaN];
  const server = textOf(auth);
  if (server !== undefined) return [server, null, ...rest];
  if (typeof auth !== "object" || auth === null || auth instanceof URL)
    refuse("auth", "a URL, or { refresh, signOut }");
  refuseUnknown(auth, ["refresh", "signOut"], "auth.");
  const refresh = placeOf(auth.refresh) ?? refuse("auth.refresh", "a URL or a function");
  const signOut = placeOf(auth.signOut);
  if (signOut === undefined && auth.signOut !== undefined) refuse("auth.signOut", "a URL or a function");
  return [refresh, signOut, ...rest];
}

/** One session on this page, shared by all that created it: the module's handle, and who listens to it. */
class Core {
  sharers = 0;
  /** @type {SessionStatus} */
  snapshot = Object.freeze({ state: "unknown", degraded: false });
  /** @type {Map<string, Set<{ listener: Listener }>>} */
  listeners = new Map();

  /**
   * @param {Glue} glue
   * @param {SessionOptions} options
   * @param {() => void} forget
   */
  constructor(glue, options, forget) {
    this.forget = forget;
    const [seed = 0] = new Float64Array(crypto.getRandomValues(new Uint32Array(2)).buffer);
    this.handle = new glue.Handle(...readOptions(options), seed, this);
    this.handle.tellStatus(this);
  }

  /**
   * @param {string} type
   * @param {Listener} listener
   */
  listen(type, listener) {
    if (typeof listener !== "function") throw new TypeError("the listener is not a function");
    // Wrapped, so that one function listening twice is two listeners.
    const entry = { listener };
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set.add(entry));
    if (type === "call") this.handle.hearCalls(true);
    return () => {
      set.delete(entry);
      if (type === "call" && set.size === 0 && this.sharers > 0) this.handle.hearCalls(false);
    };
  }

  /**
   * @param {string} type
   * @param {unknown} event
   */
  emit(type, event) {
    const set = this.listeners.get(type);
    if (set === undefined) return;
    for (const { listener } of [...set]) tell(listener, event);
  }

  release() {
    if (--this.sharers > 0) return;
    this.forget();
    this.handle.close();
  }

  trace() {
    /** @type {import("./index.js").TraceEntry[]} */
    const steps = [];
    this.handle?.tellTrace({ traced: (...fields) => steps.push(step(...fields)) });
    return Object.freeze(steps);
  }

  // From here on: what the module tells, by position.

  /** @type {Facade["status"]} */
  status(state, sessionId, user, degraded, reason, serverTold) {
    const trouble = degraded ?? false;
    /** @type {SessionStatus} */
    let next = { state: "unknown", degraded: trouble };
    if (state === "signed-in") next = { state, user: JSON.parse(user), sessionId, degraded: trouble };
    if (state === "signed-out") next = { state, reason: reason ?? null, serverTold, degraded: false };
    this.snapshot = Object.freeze(next);
    this.emit("status", this.snapshot);
  }

  /** @type {Facade["refreshed"]} */
  refreshed(reason, source, waiting, duration, expiresIn, refreshIn) {
    this.emit("refresh", Object.freeze({ reason: reason ?? null, source, waiting, duration, expiresIn, refreshIn }));
  }

  /** @type {Facade["refreshFailed"]} */
  refreshFailed(reason, cause, httpStatus, duration, failures, retryIn) {
    const event = { reason, cause, httpStatus: httpStatus ?? null, duration, failures, retryIn };
    this.emit("refresh-failed", Object.freeze(event));
  }

  /** @type {Facade["signedOut"]} */
  signedOut(reason) {
    this.emit("signed-out", Object.freeze({ reason, trace: this.trace() }));
  }

  /** @type {Facade["userChanged"]} */
  userChanged(previous, user) {
    this.emit("user-changed", Object.freeze({ user: JSON.parse(user), previous: JSON.parse(previous) }));
  }

  /** @type {Facade["called"]} */
  called(method, url, waited, tokenAge, httpStatus, retried, duration) {
    const event = { method, url, waited, tokenAge, httpStatus: httpStatus ?? null, retried, duration };
    this.emit("call", Object.freeze(event));
  }

  /** @type {Facade["traced"]} */
  traced(...fields) {
    if (this.listeners.has("trace")) this.emit("trace", step(...fields));
  }

  /** @type {Facade["error"]} */
  error(code, message, reason, failure, retryIn, option) {
    return new SessionError(code, message, { reason, failure, retryIn, option });
  }
}

/**
 * Makes an entry of what the module tells by position.
 *
 * @param {import("./nolapse.js").Step} step
 * @returns {import("./index.js").TraceEntry}
 */
function step(...[at, trigger, status, tab, page, attempt, outcome]) {
  const name = tab.toString(16).padStart(8, "0");
  return Object.freeze({ at, trigger, status, tab: name, page, attempt: attempt ?? null, outcome: outcome ?? null });
}

/**
 * Tells one listener; what it throws is the page's to see and stops nobody.
 *
 * @param {Listener} listener
 * @param {unknown} event
 */
function tell(listener, event) {
  try {
    listener(/** @type {never} */ (event));
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else
      queueMicrotask(() => {
        throw error;
      });
  }
}

const EVENTS = ["refresh", "refresh-failed", "signed-out", "user-changed", "call", "trace"];

/**
 * Makes what `createSession` resolves to: methods that work detached, and end with their own `close`.
 *
 * @param {Core} core
 * @returns {import("./index.js").Session}
 */
function openSession(core) {
  const { handle } = core;
  /** @type {Set<() => void>} */
  const ends = new Set();
  let isClosed = false;
  core.sharers++;

  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  function call(work) {
    if (isClosed) return Promise.reject(new SessionError("closed", "the session object was closed"));
    try {
      return work();
    } catch (error) {
      return Promise.reject(asSessionError(error));
    }
  }

  /**
   * @param {string} type
   * @param {Listener} listener
   */
  function listen(type, listener) {
    if (isClosed) return () => {};
    const unlisten = core.listen(type, listener);
    const end = () => {
      unlisten();
      ends.delete(end);
    };
    ends.add(end);
    return end;
  }

  function close() {
    if (isClosed) return;
    isClosed = true;
    for (const end of [...ends]) end();
    core.release();
  }

  /** @type {Omit<import("./index.js").Session, typeof Symbol.dispose>} */
  const session = {
    fetch: (input, init) => call(() => handle.fetch(input, init)),
    getToken: ({ minValidity = 0, signal } = {}) => call(() => handle.getToken(minValidity, signal)),
    refresh: ({ force = false, signal } = {}) => call(() => handle.refresh(force, signal).then(() => undefined)),
    adopt: (source) => call(() => (typeof source === "function" ? handle.adoptWith(source) : handle.adopt(source))),
    signOut: ({ everywhere = false } = {}) =>
      call(() => handle.signOut(everywhere).then((serverTold) => ({ serverTold }))),
    get status() {
      return core.snapshot;
    },
    getSnapshot: () => core.snapshot,
    subscribe(listener) {
      const end = listen("status", listener);
      tell(listener, core.snapshot);
      return end;
    },
    on(type, listener) {
      if (!EVENTS.includes(type)) throw new TypeError(`there is no event ${String(type)}`);
      return listen(type, listener);
    },
    get expiresIn() {
      return isClosed ? 0 : handle.expiresIn();
    },
    trace: () => core.trace(),
    close,
  };
  if (Symbol.dispose) Object.defineProperty(session, Symbol.dispose, { value: close });
  return /** @type {import("./index.js").Session} */ (Object.freeze(session));
}

/**
 * A trap is a bug of the SDK; everything else is what it is.
 *
 * @param {unknown} error
 */
function asSessionError(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return error;
  return new SessionError("internal", "the session module failed", { cause: error });
}
