// Made of rust.js and its neighbours by `npm run fmt`.

// src/host/rust-app.js
function rustApp(told) {
  const tell = () => told();
  return {
    status: tell,
    refreshed: tell,
    refreshFailed: tell,
    signedOut: tell,
    userChanged: tell,
    traced: tell,
    called: () => {
    },
    // The app is in the same module.
    onTrap: () => {
    },
    error: (code, message, reason, failure, retryIn) => Object.assign(new Error(message), { name: "SessionError", code, reason, failure, retryIn })
  };
}

// src/host/own.js
function own(given) {
  return { __proto__: null, .../** @type {object} */
  given };
}
function readerOf({ body }) {
  const reader = body?.getReader(
    /** @type {never} */
    own(void 0)
  );
  return (
    /** @type {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined} */
    /** @type {unknown} */
    reader
  );
}

// src/host/http.js
var LIMIT = 65536;
async function sendRefresh(native, how, reason, page, activeAgo, signal) {
  return typeof how === "string" ? post(native, how, { reason, page, active_ago: Math.floor(activeAgo) }, signal, LIMIT) : how({ reason, page, activeAgo, signal });
}
async function signOut(native, how, everywhere, signal) {
  return typeof how === "string" ? post(native, how, everywhere ? { everywhere } : {}, signal, 0) : how?.({ everywhere, signal });
}
async function signIn(run) {
  const answer = await run();
  if (!(answer instanceof Response)) return answer;
  try {
    return answer.ok ? own(await read(answer, LIMIT)).body : void 0;
  } catch {
    return void 0;
  }
}
async function post(native, url, said, signal, limit) {
  const options = own({
    method: "POST",
    credentials: "include",
    // Without it, a navigation during the request loses the rotated cookie.
    keepalive: true,
    cache: "no-store",
    // The protocol allows no redirects.
    redirect: "error",
    headers: own({ "content-type": "application/json", "nolapse-version": "1" }),
    body: JSON.stringify(own(said)),
    signal
  });
  const response = await native.call(globalThis, url, options);
  const { status, headers } = response;
  const isRead = limit && (status === 200 || status === 401);
  return own({ status, retryAfter: retryAfter(headers), ...isRead ? await read(response, limit) : void 0 });
}
async function read(response, limit) {
  const reader = readerOf(response);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (; ; ) {
    const value = reader && (await reader.read()).value;
    if (!value) break;
    size += value.length;
    if (size > limit) {
      reader?.cancel().catch(() => {
      });
      return { isTooLarge: true };
    }
    text += decoder.decode(value, { stream: true });
  }
  return { body: parsed(text + decoder.decode()) };
}
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return void 0;
  }
}
function retryAfter(headers) {
  const value = headers.get("retry-after")?.trim();
  if (!value) return void 0;
  if (/^\d+$/.test(value)) return Number(value);
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  return Math.max(0, Date.parse(value) - now) / 1e3;
}
function grantOf(given, isApp) {
  if (typeof given !== "object" || !given) return [Number.NaN, Number.NaN, ""];
  try {
    const answer = own(given);
    const session = own(answer.session);
    const user = session.user ?? null;
    const { id, sub } = own(user);
    const userId = id ?? sub;
    const token = lineOf(isApp ? answer.accessToken : answer.access_token);
    const lines = [
      token,
      lineOf(answer.token_type),
      lineOf(session.id),
      lineOf(typeof userId === "number" ? String(userId) : userId),
      JSON.stringify(user)
    ];
    const life = numberOf(isApp ? answer.expiresIn : answer.expires_in) ?? claimedLife(token);
    const refreshIn = numberOf(isApp ? answer.refreshIn : answer.refresh_in);
    return [life ?? Number.NaN, refreshIn ?? Number.NaN, lines.join("\n")];
  } catch {
    return [Number.NaN, Number.NaN, "\n\n\n\nnull"];
  }
}
function claimedLife(token) {
  try {
    const payload = token.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
    const { exp, iat } = own(JSON.parse(atob(payload)));
    return numberOf(
      /** @type {number} */
      exp - /** @type {number} */
      iat
    );
  } catch {
    return void 0;
  }
}
function lineOf(value) {
  return typeof value === "string" && !/\p{Cc}/u.test(value) ? value : "";
}
function numberOf(value) {
  return typeof value === "number" ? value : void 0;
}

// src/host/bridge.js
var STARTED = 0;
var TOKEN_REQUESTED = 1;
var REFRESH_REQUESTED = 2;
var TOKEN_REJECTED = 3;
var CALLER_ABORTED = 4;
var SIGN_IN_REQUESTED = 5;
var SIGN_IN_FINISHED = 6;
var SIGN_IN_THREW = 7;
var TOKENS_PROVIDED = 8;
var SIGN_OUT_REQUESTED = 9;
var SIGN_OUT_NOTIFIED = 10;
var SIGN_OUT_FAILED = 11;
var LOCK_GRANTED = 12;
var LOCK_FAILED = 13;
var REFRESH_GRANTED = 14;
var REFRESH_ENDED = 15;
var REFRESH_FAILED = 16;
var TAB_MESSAGE_RECEIVED = 17;
var STORAGE_CHANGED = 18;
var DEADLINE_REACHED = 19;
var PAGE_CHANGED = 20;
var CLOSED = 21;
var VISIBLE = 0;
var HIDDEN = 1;
var FROZEN = 2;
var RESUMED = 3;
var LEFT = 4;
var RETURNED = 5;
var ONLINE = 6;
var OFFLINE = 7;
var ACQUIRE_LOCK = 0;
var RELEASE_LOCK = 1;
var SEND_REFRESH = 2;
var SEND_SIGN_OUT = 3;
var RUN_SIGN_IN = 4;
var ABORT = 5;
var SETTLE_TOKEN = 6;
var SETTLE_DONE = 7;
var SETTLE_ERROR = 8;
var BROADCAST = 9;
var WRITE_RECORD = 10;
var OPEN_CHANNEL = 11;
var CLOSE_CHANNEL = 12;
var STATUS = 13;
var REFRESHED = 14;
var REFRESH_FAILURE = 15;
var SIGNED_OUT = 16;
var USER_CHANGED = 17;
var TRACED = 18;
var USABLE = 0;
var TOKEN = 1;
var AGE = 3;
var commands = [];
var timers = /* @__PURE__ */ new Map();
function pushCommand(...given) {
  commands.push(given);
}
function drainCommands() {
  const all = commands;
  commands = [];
  return all;
}
function fireTimer(machine) {
  timers.get(machine)?.();
}
function onTimer(machine, fire) {
  if (fire) timers.set(machine, fire);
  else timers.delete(machine);
}

// src/host/callers.js
var Callers = class {
  #feed;
  #lastRequest = 0;
  /** @type {Map<number, Caller>} */
  waiting = /* @__PURE__ */ new Map();
  /** Results to deliver after the current batch of inputs. @type {(() => void)[]} */
  #results = [];
  /** @param {(...given: import("./host.js").Given) => void} feed */
  constructor(feed) {
    this.#feed = feed;
  }
  /**
   * Feeds a caller's request to the machine. The caller waits until it is settled or its signal aborts.
   *
   * @param {number} kind
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   * @param {Settle} settle
   * @param {[b?: number, c?: number, text?: string]} [rest] the input's other fields
   * @param {() => unknown} [signIn]
   */
  ask(kind, number, signal, settle, rest = [], signIn2 = void 0) {
    if (signal?.aborted) return settle(false, signal.reason);
    const request = ++this.#lastRequest;
    const onAbort = () => {
      this.waiting.delete(request);
      this.#feed(CALLER_ABORTED, request);
      settle(false, signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, own({ once: true }));
    this.waiting.set(request, { settle, signal, onAbort, signIn: signIn2, threw: void 0 });
    this.#feed(kind, request, number, ...rest);
  }
  /**
   * Returns a caller's sign-in function, once.
   *
   * @param {number} request
   */
  takeSignIn(request) {
    const caller = this.waiting.get(request);
    const run = caller?.signIn;
    if (caller) caller.signIn = void 0;
    return run;
  }
  /**
   * Stores what a caller's sign-in function threw; the caller is rejected with that.
   *
   * @param {number} request
   * @param {unknown} thrown
   */
  setThrown(request, thrown) {
    const caller = this.waiting.get(request);
    if (caller) caller.threw = { thrown };
  }
  /**
   * Queues a caller's result until the current batch is done. Unknown ids are ignored.
   *
   * @param {number} request
   * @param {boolean} ok
   * @param {unknown} answer
   */
  settleLater(request, ok, answer) {
    const caller = this.waiting.get(request);
    if (!caller) return;
    this.waiting.delete(request);
    caller.signal?.removeEventListener("abort", caller.onAbort);
    const { settle, threw } = caller;
    this.#results.push(() => settle(ok, !ok && threw ? threw.thrown : answer));
  }
  /** Settles the callers whose results are queued. */
  flush() {
    for (const settleLater of this.#results.splice(0)) settleLater();
  }
};

// src/host/origins.js
function secure(text) {
  const url = new URL(text);
  const isLoopback = /^(localhost|127\.0\.0\.1|\[::1\]|.*\.localhost)$/.test(url.hostname);
  const isSecure = url.protocol === "https:" || url.protocol === "http:" && isLoopback;
  if (!isSecure || url.username || url.password) throw url;
  return url;
}
function parseUrl(text, kind) {
  try {
    const isPath = kind === "endpoint" && /^\/(?!\/)/.test(text);
    const url = isPath ? new URL(text, location.origin) : secure(text);
    if (kind === "endpoint") return url.href;
    if (url.search || url.hash) return void 0;
    if (kind === "server") return url.origin + url.pathname.replace(/\/+$/, "");
    return url.pathname === "/" && !text.includes("*") ? url.origin : void 0;
  } catch {
    return void 0;
  }
}
var CAPACITY = 512;
var Origins = class {
  #Native;
  #listed;
  /** @type {Map<string, boolean>} */
  #cache = /* @__PURE__ */ new Map();
  /** @param {readonly string[]} listed besides the page's own */
  constructor(listed) {
    this.#Native = URL;
    this.#listed = [...listed, globalThis.location?.origin];
  }
  /**
   * Whether a call to this URL may carry the token. `undefined` if the text is no absolute HTTP URL: a relative one depends
   * on the document's base URL, which markup and scripts can change at any time, and which is never read here.
   *
   * @param {string} url
   */
  allows(url) {
    const known = this.#cache.get(url);
    if (known !== void 0) return known;
    if (!/^https?:\/\//.test(url)) return void 0;
    const origin = this.originOf(url);
    const isAllowed = origin !== void 0 && this.#listed.includes(origin);
    if (this.#cache.size >= CAPACITY) this.#cache.clear();
    this.#cache.set(url, isAllowed);
    return isAllowed;
  }
  /**
   * Returns the origin of an absolute URL; `undefined` if it cannot be parsed.
   *
   * @param {string} url
   */
  originOf(url) {
    try {
      return new this.#Native(url).origin;
    } catch {
      return void 0;
    }
  }
};

// src/host/fetch.js
var SAFE = /^(GET|HEAD)$/;
var FetchWrapper = class {
  #Request;
  #host;
  #native;
  #origins;
  #url;
  /** Called when a call finishes, if the app observes calls. @type {import("./host.js").App["called"] | undefined} */
  onCall;
  /**
   * @param {readonly string[]} apis
   * @param {import("./host.js").Host} host
   */
  constructor(apis, host) {
    this.#host = host;
    this.#origins = new Origins(apis);
    this.#native = fetch;
    this.#Request = Request;
    this.#url = Object.getOwnPropertyDescriptor(Request.prototype, "url")?.get;
  }
  /**
   * Calls `fetch` with these arguments, with a token if the URL of the resulting `Request` is listed.
   *
   * @param {Parameters<typeof fetch> | []} given
   * @returns {Promise<Response>}
   */
  fetch(...given) {
    try {
      const [input, init] = given;
      if (!given.length) return (
        /** @type {() => Promise<Response>} */
        this.#native.call(globalThis)
      );
      const known = typeof input === "object" && input ? this.#urlOf(input) : void 0;
      const target = known === void 0 ? `${input}` : (
        /** @type {Request} */
        input
      );
      if (this.#origins.allows(known ?? `${target}`) === false) return this.#native.call(globalThis, target, init);
      const body = init ? own(Object.getOwnPropertyDescriptor(init, "body")).value : void 0;
      const request = this.#make(target, init);
      if (!this.#allows(request) || request.headers.has("authorization")) return this.#send(request);
      const mayBeAborted = known !== void 0 || init && "signal" in init;
      if (!mayBeAborted || !request.signal.aborted) return this.#authorise(request, body);
      const { reason } = request.signal;
      release(request, reason);
      throw reason;
    } catch (error) {
      return Promise.reject(error);
    }
  }
  /**
   * Makes the `Request` that `fetch` would make. Firefox loses `keepalive` when a `Request` is copied.
   *
   * @param {string | Request} target
   * @param {RequestInit | undefined} init
   */
  #make(target, init) {
    const request = new this.#Request(target, init);
    const isLost = typeof target !== "string" && target.keepalive && !request.keepalive;
    return isLost && !(init && "keepalive" in init) ? new this.#Request(request, kept(request)) : request;
  }
  /**
   * Returns the URL of a `Request` of any realm; `undefined` for anything else.
   *
   * @param {object} input
   * @returns {string | undefined}
   */
  #urlOf(input) {
    try {
      return this.#url?.call(input);
    } catch {
      return void 0;
    }
  }
  /**
   * Whether a request may carry the token.
   *
   * @param {Request} request
   */
  #allows(request) {
    return this.#origins.allows(this.#urlOf(request) ?? "") === true;
  }
  /**
   * @param {Request} request
   * @param {unknown} body the body that the request was made from, if known
   * @returns {Promise<Response>}
   */
  #authorise(request, body) {
    const call = this.onCall && this.#begin(request);
    const bearer = this.#host.bearer();
    if (bearer) return this.#watch(this.#sendWith(bearer, request, body, call), call);
    return this.#ask(TOKEN_REQUESTED, 0, request, (ok, answer) => {
      if (!ok) {
        release(request, answer);
        throw answer;
      }
      if (call) call.waited = Math.round(performance.now() - call.begun);
      return this.#watch(this.#sendWith(
        /** @type {Bearer} */
        answer,
        request,
        body,
        call
      ), call);
    });
  }
  /**
   * Asks the machine for a token for a request, until the request's signal aborts.
   *
   * @param {number} kind
   * @param {number} version
   * @param {Request} request
   * @param {(ok: boolean, answer: unknown) => Response | Promise<Response>} next
   * @returns {Promise<Response>}
   */
  #ask(kind, version, { signal }, next) {
    return new Promise((resolve, reject) => {
      this.#host.ask(kind, version, signal, (ok, answer) => {
        try {
          resolve(next(ok, answer));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
  /**
   * Sends a request with a token, synchronously, and retries once if the response allows it.
   *
   * @param {Bearer} bearer
   * @param {Request} given
   * @param {unknown} body
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #sendWith(bearer, given, body, call) {
    if (call) call.tokenAge = this.#host.look(AGE);
    const fixed = typeof body === "string" || body instanceof Blob ? body : void 0;
    const isBare = fixed !== void 0 || SAFE.test(given.method);
    const request = isBare ? given : this.#replayable(given);
    if (!request) return this.#sendBearing(bearer, given);
    const again = isBare ? request : request.clone();
    return this.#sendBearing(bearer, request).then((answer) => {
      if (answer.ok || !this.#isFromBearer(request, answer) || !this.#host.shouldRetry(answer)) return answer;
      return this.#retry(bearer.version, again, fixed, answer, call);
    });
  }
  /**
   * Returns a request with the same body if the body can be sent again. Returns `undefined` for a stream and leaves it
   * untouched: a clone would tee it, and an abort would then end one branch and not the source.
   *
   * Platforms do not expose whether a body is a stream, but reject one in mode `no-cors` before they consume it (Fetch, the
   * `Request` constructor: a body whose source is null).
   *
   * @param {Request} request
   * @returns {Request | undefined}
   */
  #replayable(request) {
    const { method, mode, cache, headers, keepalive, referrer, referrerPolicy } = request;
    if (mode === "navigate") return void 0;
    try {
      const taken = new this.#Request(request, own({ method: "POST", mode: "no-cors", cache: "default", keepalive }));
      return new this.#Request(taken, own({ method, mode, cache, headers, keepalive, referrer, referrerPolicy }));
    } catch {
      return void 0;
    }
  }
  /**
   * Whether a response is from an origin that received the token, to a request that may be repeated. Browsers remove the
   * header on a cross-origin redirect, and a redirected method other than GET and HEAD may already have had its effect.
   *
   * @param {Request} request
   * @param {Response} answer
   */
  #isFromBearer(request, { redirected, url }) {
    if (!redirected) return true;
    return SAFE.test(request.method) && this.#origins.originOf(url) === this.#origins.originOf(request.url);
  }
  /**
   * Refreshes the rejected token and sends the request once more; without another token, returns the first response.
   *
   * @param {number} version
   * @param {Request} again
   * @param {BodyInit | undefined} body
   * @param {Response} answer
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #retry(version, again, body, answer, call) {
    return this.#ask(TOKEN_REJECTED, version, again, (ok, found) => {
      if (!ok && again.signal.aborted) throw found;
      const bearer = (
        /** @type {Bearer} */
        found
      );
      if (!ok || bearer.version === version) return answer;
      if (call) call.retried = true;
      return this.#sendBearing(bearer, body === void 0 ? again : new this.#Request(again, own({ body })));
    });
  }
  /**
   * Sets the `Authorization` header and sends the request; the only place that sets it. A `Request` and its copies always
   * have the same URL, so the origin check of the first holds for all copies.
   *
   * @param {Bearer} bearer
   * @param {Request} request
   */
  #sendBearing(bearer, request) {
    request.headers.set("authorization", bearer.header);
    return this.#send(request);
  }
  /** @param {Request} request */
  #send(request) {
    return request.keepalive ? this.#native.call(globalThis, request, kept(request)) : this.#native.call(globalThis, request);
  }
  /** @param {Request} request @returns {Call} */
  #begin({ method, url }) {
    const [place2 = ""] = url.split(/[?#]/);
    return { method, url: place2, begun: performance.now(), waited: 0, tokenAge: 0, retried: false };
  }
  /**
   * Reports a call to `onCall` when its response arrives; the caller receives the response untouched.
   *
   * @param {Promise<Response>} answer
   * @param {Call | undefined} call
   */
  #watch(answer, call) {
    if (call) {
      const tell = (status) => {
        const { method, url, begun, waited, tokenAge, retried } = call;
        const duration = Math.round(performance.now() - begun);
        this.onCall?.(method, url, waited, tokenAge, status, retried, duration);
      };
      answer.then(
        ({ status }) => tell(status),
        () => tell(void 0)
      );
    }
    return answer;
  }
};
function kept({ referrer, referrerPolicy }) {
  return own({ keepalive: true, referrer, referrerPolicy });
}
function release({ body }, reason) {
  body?.cancel(reason).catch(() => {
  });
}

// src/host/requests.js
var Requests = class {
  #signOutEndpoint;
  #native;
  #refreshEndpoint;
  #feed;
  /** The abort controllers of in-flight requests, by attempt. @type {Map<number, AbortController>} */
  #open = /* @__PURE__ */ new Map();
  /**
   * @param {import("./options.js").Settings} settings
   * @param {(...given: Given) => void} feed
   */
  constructor({ refresh, signOut: signOut2 }, feed) {
    this.#native = fetch;
    this.#refreshEndpoint = refresh;
    this.#signOutEndpoint = signOut2;
    this.#feed = feed;
  }
  /**
   * Sends a refresh, or takes over the early refresh that was sent before the module was loaded.
   *
   * @param {number} attempt
   * @param {string} reason
   * @param {string} page
   * @param {number} activeAgo in seconds
   * @param {import("./early-refresh.js").EarlyRequest} [early]
   */
  refresh(attempt, reason, page, activeAgo, early) {
    const controller = early?.controller ?? new AbortController();
    const ask = () => sendRefresh(this.#native, this.#refreshEndpoint, reason, page, activeAgo, controller.signal);
    const isApp = typeof this.#refreshEndpoint !== "string";
    const age = early ? (performance.now() - early.sent) / 1e3 : 0;
    const given = (answer2) => isApp ? granted(attempt, answer2, true, 0) : refreshed(
      attempt,
      /** @type {Answer} */
      answer2
    );
    const read2 = (answer2) => {
      const first = given(answer2);
      const [kind, , life = 0, refreshIn = 0, ...rest] = first;
      if (!age || kind !== REFRESH_GRANTED) return first;
      if (life < age * 2) return ask().then(given);
      return [kind, attempt, life - age, refreshIn - age, ...rest];
    };
    const answer = early?.answer ?? ask();
    this.#finish(attempt, controller, answer.then(read2), (error) => renewalFailed(attempt, isApp, error));
  }
  /**
   * Sends a sign-out.
   *
   * @param {number} attempt
   * @param {boolean} everywhere
   */
  signOut(attempt, everywhere) {
    const controller = new AbortController();
    const isApp = typeof this.#signOutEndpoint !== "string";
    const told = signOut(this.#native, this.#signOutEndpoint, everywhere, controller.signal).then(
      /** @returns {Given} */
      (answer) => isApp ? [SIGN_OUT_NOTIFIED, attempt] : signedOut(
        attempt,
        /** @type {Answer} */
        answer
      )
    );
    this.#finish(attempt, controller, told, () => [
      SIGN_OUT_FAILED,
      attempt,
      0,
      Number.NaN,
      0,
      isApp ? "refresher_failed" : networkFailure()
    ]);
  }
  /**
   * Runs the app's sign-in function.
   *
   * @param {number} attempt
   * @param {() => unknown} run
   * @param {(thrown: unknown) => void} threw
   */
  adopt(attempt, run, threw) {
    const adopted = signIn(run).then(
      /** @returns {Given} */
      (answer) => {
        const [life, refreshIn, text] = grantOf(answer, false);
        return [SIGN_IN_FINISHED, attempt, life, refreshIn, 0, text];
      }
    );
    this.#finish(attempt, void 0, adopted, (error) => {
      threw(error);
      return [SIGN_IN_THREW, attempt];
    });
  }
  /**
   * Aborts a request whose response is no longer needed.
   *
   * @param {number} attempt
   */
  abort(attempt) {
    this.#open.get(attempt)?.abort();
    this.#open.delete(attempt);
  }
  abortAll() {
    for (const attempt of this.#open.keys()) this.abort(attempt);
  }
  /**
   * @param {number} attempt
   * @param {AbortController | undefined} controller
   * @param {Promise<Given>} answered
   * @param {(error: unknown) => Given} failed
   */
  #finish(attempt, controller, answered, failed) {
    if (controller) this.#open.set(attempt, controller);
    answered.catch(failed).then((given) => {
      this.#open.delete(attempt);
      this.#feed(...given);
    });
  }
};
function granted(attempt, answer, isApp, status) {
  const [life, refreshIn, text] = grantOf(answer, isApp);
  return [REFRESH_GRANTED, attempt, life, refreshIn, status, text];
}
function refreshed(attempt, { status, retryAfter: retryAfter2 = Number.NaN, isTooLarge, body }) {
  if (status === 200 && !isTooLarge) return granted(attempt, body, false, status);
  const { error, reason } = own(body);
  const isOver = status === 401 && error === "session_ended" && typeof reason === "string";
  if (isOver) return [REFRESH_ENDED, attempt, status, 0, 0, reason];
  return [REFRESH_FAILED, attempt, status, retryAfter2, 0, isTooLarge ? "too_large" : ""];
}
function renewalFailed(attempt, isApp, error) {
  const { name, reason } = own(isApp ? error : void 0);
  if (name === "SessionEnded") return [REFRESH_ENDED, attempt, 0, 0, 0, `${reason ?? ""}`];
  return [REFRESH_FAILED, attempt, 0, Number.NaN, 0, isApp ? "refresher_failed" : networkFailure()];
}
function signedOut(attempt, { status, retryAfter: retryAfter2 = Number.NaN }) {
  if (status >= 200 && status < 300 || status === 401) return [SIGN_OUT_NOTIFIED, attempt];
  return [SIGN_OUT_FAILED, attempt, status, retryAfter2, 0, ""];
}
function networkFailure() {
  return globalThis.navigator?.onLine === false ? "offline" : "network";
}

// src/host/lifecycle.js
function isHidden() {
  const { document } = globalThis;
  return document ? Reflect.get(Document.prototype, "hidden", document) === true : false;
}
function watchLifecycle(key, feed, touch) {
  const controller = new AbortController();
  const options = own({ passive: true, capture: true, signal: controller.signal });
  const { addEventListener } = EventTarget.prototype;
  const on = (target, type, onCall) => {
    if (target instanceof EventTarget) addEventListener.call(target, type, onCall, options);
  };
  const changes = (change) => () => feed(PAGE_CHANGED, change);
  const { document } = globalThis;
  on(document, "visibilitychange", () => feed(PAGE_CHANGED, isHidden() ? HIDDEN : VISIBLE));
  on(document, "freeze", changes(FROZEN));
  on(document, "resume", changes(RESUMED));
  on(document, "pointerdown", touch);
  on(document, "keydown", touch);
  on(globalThis, "pagehide", changes(LEFT));
  on(globalThis, "pageshow", (event) => {
    if (
      /** @type {PageTransitionEvent} */
      event.persisted
    ) feed(PAGE_CHANGED, RETURNED);
  });
  on(globalThis, "online", changes(ONLINE));
  on(globalThis, "offline", changes(OFFLINE));
  on(globalThis, "storage", (event) => {
    const changed = (
      /** @type {StorageEvent} */
      event.key
    );
    if (changed === null || changed === key) feed(STORAGE_CHANGED, 0);
  });
  return () => controller.abort();
}

// src/host/storage.js
var RecordStorage = class {
  #storage;
  #key;
  /** @param {string} key */
  constructor(key) {
    this.#key = key;
    try {
      this.#storage = globalThis.localStorage;
    } catch {
    }
  }
  /** Reads the record: an empty text if there is none, `?` if storage is unavailable. */
  read() {
    try {
      return this.#storage ? this.#storage.getItem(this.#key) ?? "" : "?";
    } catch {
      return "?";
    }
  }
  /**
   * Writes the record, if the browser allows it.
   *
   * @param {string} record
   */
  write(record) {
    try {
      this.#storage?.setItem(this.#key, record);
    } catch {
    }
  }
};

// src/host/early-refresh.js
async function cancelEarly(earlyRefresh) {
  const release2 = await earlyRefresh?.lock;
  await earlyRefresh?.take()?.answer.catch(() => {
  });
  release2?.();
}

// src/host/locks.js
var Locks = class {
  #name;
  #feed;
  /** This tab's requests, by attempt. @type {Map<number, Request>} */
  #requests = /* @__PURE__ */ new Map();
  /**
   * @param {string} name
   * @param {(kind: number, attempt: number) => void} feed
   * @param {import("./early-refresh.js").EarlyRefresh | undefined} earlyRefresh the lock requested while loading
   */
  constructor(name, feed, earlyRefresh) {
    this.#name = name;
    this.#feed = feed;
    this.earlyRefresh = earlyRefresh;
  }
  /**
   * Requests the lock; feeds `LOCK_GRANTED` or `LOCK_FAILED`.
   *
   * @param {number} attempt
   */
  acquire(attempt) {
    const request = { controller: new AbortController(), release: void 0 };
    this.#requests.set(attempt, request);
    const early = this.earlyRefresh?.lock;
    this.earlyRefresh = void 0;
    if (!early) return this.#request(attempt, request);
    early.then((release2) => {
      if (!release2) this.#request(attempt, request);
      else this.#granted(attempt, request, release2);
    });
  }
  /**
   * Releases the lock, or aborts the request for it.
   *
   * @param {number} attempt
   */
  release(attempt) {
    const request = this.#requests.get(attempt);
    this.#requests.delete(attempt);
    if (request?.release) request.release();
    else request?.controller.abort();
  }
  releaseAll() {
    for (const attempt of this.#requests.keys()) this.release(attempt);
  }
  /**
   * @param {number} attempt
   * @param {Request} request
   */
  #request(attempt, request) {
    const ended = () => {
      if (!this.#requests.delete(attempt)) return;
      this.#feed(LOCK_FAILED, attempt);
    };
    if (request.controller.signal.aborted) return;
    const { signal } = request.controller;
    const held = () => new Promise((release2) => this.#granted(attempt, request, release2));
    try {
      navigator.locks.request(this.#name, own({ signal }), held).then(ended, ended);
    } catch {
      ended();
    }
  }
  /**
   * @param {number} attempt
   * @param {Request} request
   * @param {() => void} release
   */
  #granted(attempt, request, release2) {
    if (!this.#requests.has(attempt)) return release2();
    request.release = release2;
    this.#feed(LOCK_GRANTED, attempt);
  }
};

// src/host/host.js
var NOTHING_TO_WAIT_FOR = -1;
var CLOSED_SESSION = "the session object was closed";
var BROKEN_MODULE = "the session module failed";
var Host = class {
  #app;
  #callers;
  #requests;
  #name;
  #storage;
  #unwatch;
  #locks;
  #key;
  #earlyRefresh;
  /** @type {Given[]} */
  #queue = [];
  #isDraining = false;
  #isClosed = false;
  /** The error of the trap. @type {{ cause: unknown } | undefined} */
  trap;
  #lastTouch = Number.NEGATIVE_INFINITY;
  /** @type {import("./fetch.js").Bearer | undefined} */
  #current;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** @type {bridge.Machine | undefined} */
  #machine;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /**
   * Starts a session: adds event listeners and, if there may be a session, requests the first token.
   *
   * @param {(...given: ConstructorParameters<typeof import("./machine.js").Machine>) => bridge.Machine} make makes a machine
   * @param {import("./options.js").Settings} settings
   * @param {App} app
   * @param {import("./early-refresh.js").EarlyRefresh} [earlyRefresh]
   */
  constructor(make, settings, app, earlyRefresh) {
    const feed = (...given) => this.feed(...given);
    const [seed = 0] = new Float64Array(crypto.getRandomValues(new Uint32Array(2)).buffer);
    const [name = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.#name = name;
    this.#app = app;
    this.#earlyRefresh = earlyRefresh;
    this.#storage = new RecordStorage(settings.key);
    this.#callers = new Callers(feed);
    this.#locks = new Locks(settings.key, feed, earlyRefresh);
    this.#requests = new Requests(settings, feed);
    this.calls = new FetchWrapper(settings.apis, this);
    this.#key = settings.key;
    this.#machine = make(name, seed, settings.timeout, performance.now(), Date.now());
    this.#unwatch = watchLifecycle(settings.key, feed, () => this.#touch());
    onTimer(name, () => this.feed(DEADLINE_REACHED, 0));
    this.feed(STARTED, 0);
    if (isHidden()) this.feed(PAGE_CHANGED, HIDDEN);
    if (this.#locks.earlyRefresh) cancelEarly(earlyRefresh);
    this.#locks.earlyRefresh = void 0;
  }
  /**
   * Feeds an input to the machine and executes its commands. Inputs fed meanwhile are queued.
   *
   * @param {Given} given
   */
  feed(...given) {
    this.#queue.push(given);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        const [kind, id, a = 0, b = 0, c = 0, text = ""] = next;
        const wait = this.#run(
          (machine) => machine.feed(performance.now(), Date.now(), this.#storage.read(), kind, id, a, b, c, text)
        );
        this.#setTimer(wait ?? NOTHING_TO_WAIT_FOR);
        for (const command of drainCommands()) this.#execute(command);
      }
    } finally {
      this.#isDraining = false;
    }
    if (this.#isClosed) this.#end();
    this.#callers.flush();
  }
  /**
   * Resets the timer, even for the same time: suspension stops the timer and not the clock.
   *
   * @param {number} wait milliseconds
   */
  #setTimer(wait) {
    clearTimeout(this.#timer);
    if (wait > NOTHING_TO_WAIT_FOR) this.#timer = setTimeout(() => this.feed(DEADLINE_REACHED, 0), wait);
  }
  /**
   * Calls into the module. A trap is a bug in the SDK, and makes this host unusable.
   *
   * @template T
   * @param {(machine: bridge.Machine) => T} work
   * @returns {T | undefined}
   */
  #run(work) {
    try {
      return this.#machine && work(this.#machine);
    } catch (cause) {
      this.break(cause);
      return void 0;
    }
  }
  /** @param {unknown} cause */
  break(cause) {
    this.trap = { cause };
    drainCommands();
    this.#queue = [];
    this.#machine = void 0;
    this.#end();
    this.#closeChannel();
    this.#locks.releaseAll();
    this.#requests.abortAll();
    for (const request of this.#callers.waiting.keys()) this.#callers.settleLater(request, false, this.#refusal());
    this.#app.onTrap(cause);
    if (!this.#isDraining) this.#callers.flush();
  }
  /** The error for calls made after `close` or a trap. */
  #refusal() {
    return this.trap ? this.#app.error("internal", BROKEN_MODULE, "", "", Number.NaN, this.trap.cause) : this.#app.error("closed", CLOSED_SESSION, "", "", Number.NaN);
  }
  /** @param {bridge.Command} command */
  #execute([kind, id, a, b, c, d, text]) {
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = text.split("\n");
    switch (kind) {
      case ACQUIRE_LOCK:
        return this.#locks.acquire(id);
      case RELEASE_LOCK:
        this.#earlyRefresh = void 0;
        return this.#locks.release(id);
      case SEND_REFRESH:
        return this.#requests.refresh(id, first, second, a, this.#earlyRefresh?.take());
      case SEND_SIGN_OUT:
        return this.#requests.signOut(id, a > 0);
      case RUN_SIGN_IN:
        return this.#runSignIn(id, a);
      case ABORT:
        return this.#requests.abort(id);
      case SETTLE_TOKEN:
        return this.#callers.settleLater(id, true, this.#bearerOf(a, text));
      case SETTLE_DONE:
        return this.#callers.settleLater(id, true, a > 0);
      case SETTLE_ERROR:
        return this.#callers.settleLater(id, false, this.#app.error(first, second, third, fourth, a));
      case BROADCAST:
        return this.#post(text);
      case WRITE_RECORD:
        return this.#storage.write(text);
      case OPEN_CHANNEL:
        return this.#openChannel();
      case CLOSE_CHANNEL:
        return this.#closeChannel();
      case STATUS:
        return this.#app.status(first, second, third, fourth, fifth, a !== 0);
      case REFRESHED:
        return this.#app.refreshed(first, second, a, b, c, d);
      case REFRESH_FAILURE:
        return this.#app.refreshFailed(first, second, a, b, c, d);
      case SIGNED_OUT:
        return this.#app.signedOut(first);
      case USER_CHANGED:
        return this.#app.userChanged(first, second);
      case TRACED:
        return this.#app.traced(a, b, c, first, second, third, fourth);
    }
  }
  #openChannel() {
    this.#closeChannel();
    try {
      this.#channel = new BroadcastChannel(this.#key);
      this.#channel.onmessage = ({ data }) => this.feed(TAB_MESSAGE_RECEIVED, 0, 0, 0, 0, typeof data === "string" ? data : "");
    } catch {
    }
  }
  /** @param {string} text */
  #post(text) {
    try {
      this.#channel?.postMessage(text);
    } catch {
    }
  }
  #closeChannel() {
    this.#channel?.close();
    this.#channel = void 0;
  }
  /**
   * @param {number} attempt
   * @param {number} request
   */
  #runSignIn(attempt, request) {
    const run = this.#callers.takeSignIn(request);
    if (!run) return this.feed(SIGN_IN_THREW, attempt);
    this.#requests.adopt(attempt, run, (thrown) => this.#callers.setThrown(request, thrown));
  }
  /**
   * Feeds a caller's request to the machine; rejects it after `close` or a trap.
   *
   * @param {Parameters<Callers["ask"]>} question
   */
  ask(...question) {
    const [, , , done] = question;
    if (this.#isClosed || this.trap) done(false, this.#refusal());
    else this.#callers.ask(...question);
  }
  /**
   * Like `ask`, as a promise.
   *
   * @param {number} kind
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   * @param {Parameters<Callers["ask"]>[4]} [rest]
   * @param {Parameters<Callers["ask"]>[5]} [signIn]
   * @returns {Promise<unknown>}
   */
  #promise(kind, number, signal, rest, signIn2) {
    return new Promise((resolve, reject) => {
      this.ask(kind, number, signal, (ok, answer) => (ok ? resolve : reject)(answer), rest, signIn2);
    });
  }
  /** @param {number} minValidity in seconds @param {AbortSignal} [signal] @returns {Promise<string>} */
  getToken(minValidity, signal) {
    this.#touch();
    const fresh = minValidity === 0 && !signal?.aborted ? this.bearer() : void 0;
    const found = fresh ? Promise.resolve(fresh) : this.#promise(TOKEN_REQUESTED, minValidity, signal);
    return found.then((bearer) => (
      /** @type {import("./fetch.js").Bearer} */
      bearer.header.slice("Bearer ".length)
    ));
  }
  /** @param {boolean} force @param {AbortSignal} [signal] */
  refresh(force, signal) {
    return this.#promise(REFRESH_REQUESTED, Number(force), signal);
  }
  /** @param {unknown} source a token response, or a function that gets one */
  adopt(source) {
    if (typeof source === "function") {
      return this.#promise(
        SIGN_IN_REQUESTED,
        0,
        void 0,
        void 0,
        /** @type {() => unknown} */
        source
      );
    }
    const [life, refreshIn, text] = grantOf(source, false);
    return this.#promise(TOKENS_PROVIDED, life, void 0, [refreshIn, 0, text]);
  }
  /** @param {boolean} everywhere @returns {Promise<unknown>} whether the auth server confirmed it */
  signOut(everywhere) {
    return this.#promise(SIGN_OUT_REQUESTED, Number(everywhere), void 0);
  }
  /** @param {number} what */
  look(what) {
    return this.#run((machine) => machine.look(performance.now(), Date.now(), what)) ?? 0;
  }
  /** Returns the token to send now; `undefined` if the call has to wait. */
  bearer() {
    const version = this.look(USABLE);
    if (version < 0 || !this.#machine) return void 0;
    if (this.#current?.version === version) return this.#current;
    this.look(TOKEN);
    const [command] = drainCommands();
    return command && this.#bearerOf(version, command[6]);
  }
  /** @param {number} version @param {string} token */
  #bearerOf(version, token) {
    if (this.#current?.version !== version) this.#current = { version, header: `Bearer ${token}` };
    return this.#current;
  }
  /** @param {Response} answer */
  shouldRetry({ status, headers }) {
    return this.#run((machine) => machine.shouldRetry(status, headers.get("www-authenticate") ?? "")) ?? false;
  }
  /** Reports user activity to the machine, at most once a second. */
  #touch() {
    const now = performance.now();
    if (now - this.#lastTouch < 1e3) return;
    this.#lastTouch = now;
    this.look(USABLE);
  }
  /** Closes this host: rejects every waiting caller and releases all resources. */
  close() {
    this.#isClosed = true;
    this.feed(CLOSED, 0);
  }
  #end() {
    this.#unwatch();
    this.#setTimer(NOTHING_TO_WAIT_FOR);
    onTimer(this.#name);
    this.#current = void 0;
    this.#machine?.free();
    this.#machine = void 0;
  }
};

// src/host/options.js
var HTTPS = "an https URL (http only for this machine) without credentials";
var ENDPOINT = "an https URL (http only for this machine) or a path like /refresh";
var ORIGINS = "an array of origins like https://api.example.com";
function refuse(option, expected) {
  throw Object.assign(new Error(`${option} must be ${expected}`), { option });
}
function readOptions(options) {
  if (typeof options !== "object" || options === null) refuse("options", "an object");
  const given = own(options);
  refuseUnknown(given, ["auth", "apis", "name", "timeout", "wasm"]);
  const { auth, apis = [], name, timeout = 10, wasm } = given;
  const origins = Array.isArray(apis) ? apis.map((api) => place(api, "origin")) : [void 0];
  if (origins.includes(void 0)) refuse("apis", ORIGINS);
  if (name !== void 0 && !(typeof name === "string" && /^\P{Cc}{1,100}$/u.test(name)))
    refuse("name", "1 to 100 characters, no control character");
  if (!(typeof timeout === "number" && timeout >= 1 && timeout <= 60))
    refuse("timeout", "a number of seconds, 1 to 60");
  const { refresh, signOut: signOut2 } = readAuth(auth);
  const key = `nolapse:${name ?? (typeof refresh === "string" ? refresh : "custom")}`;
  return { key, refresh, signOut: signOut2, apis: (
    /** @type {string[]} */
    origins
  ), timeout, wasm };
}
function readAuth(auth) {
  if (typeof auth !== "object" || auth === null || auth instanceof URL) {
    if (typeof auth !== "string" && !(auth instanceof URL)) refuse("auth", "a URL, or { refresh, signOut }");
    const root = place(auth, "server") ?? refuse("auth", HTTPS);
    return { refresh: `${root}/auth/refresh`, signOut: `${root}/auth/sign-out` };
  }
  const given = own(auth);
  refuseUnknown(given, ["refresh", "signOut"], "auth.");
  const refresh = endpoint(given.refresh, "auth.refresh");
  return { refresh, signOut: given.signOut === void 0 ? void 0 : endpoint(given.signOut, "auth.signOut") };
}
function endpoint(value, option) {
  if (typeof value === "function") return (
    /** @type {(context: object) => unknown} */
    value
  );
  if (typeof value !== "string" && !(value instanceof URL)) refuse(option, "a URL or a function");
  return place(value, "endpoint") ?? refuse(option, ENDPOINT);
}
function place(value, kind) {
  return typeof value === "string" || value instanceof URL ? parseUrl(String(value), kind) : void 0;
}
function refuseUnknown(object, known, prefix = "") {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) refuse(prefix + key, "left out: there is no such option");
  }
}
export {
  Host,
  fireTimer,
  pushCommand,
  readOptions,
  rustApp
};
