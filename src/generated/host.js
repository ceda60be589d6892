// Generated from rust.js and its imports by `npm run generate`.
var __defProp = Object.defineProperty;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __esm = (fn, res, err) => function __init() {
  if (err) throw err[0];
  try {
    return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;
  } catch (e) {
    throw err = [e], e;
  }
};
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

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
var init_own = __esm({
  "src/host/own.js"() {
    "use strict";
  }
});

// src/host/new-key.js
var new_key_exports = {};
__export(new_key_exports, {
  createKey: () => createKey
});
async function createKey(subtle) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { privateKey, publicKey } = await subtle.generateKey(algorithm, false, ["sign"]);
  const { x, y } = await subtle.exportKey("jwk", publicKey);
  const jwk = own({ kty: "EC", crv: "P-256", x, y });
  const header = btoa(JSON.stringify(own({ typ: "dpop+jwt", alg: "ES256", jwk })));
  return [privateKey, header.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""), 0];
}
var init_new_key = __esm({
  "src/host/new-key.js"() {
    "use strict";
    init_own();
  }
});

// src/host/device-key.js
async function prove(realm, name, url, isNew, challenge, method = "POST") {
  const { indexedDB, crypto } = realm;
  const { subtle } = crypto;
  if (!indexedDB || !subtle) return void 0;
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
    realm.setTimeout(
      /** @type {() => void} */
      reject,
      TIMEOUT_MS
    );
  });
  const stored = async (key, isChanged) => {
    const opening = indexedDB.open("nolapse");
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    const database = await settled(opening);
    const keys = database.transaction("keys", key ? "readwrite" : "readonly").objectStore("keys");
    database.close();
    const found = await settled(keys.get(name));
    if (!key || found && !isChanged) return found;
    await settled(keys.put(key, name));
    return key;
  };
  try {
    const key = await stored() ?? (isNew ? await stored(await (await Promise.resolve().then(() => (init_new_key(), new_key_exports))).createKey(subtle)) : void 0);
    if (!key) return "";
    const wall = realm.Date.now();
    const steady = realm.performance.now();
    const { dpop_nonce: nonce, server_time: serverTime } = own(challenge);
    if (typeof serverTime === "number") {
      key[2] = serverTime * 1e3 - wall;
      origin = void 0;
      await stored(key, true).catch(() => {
      });
    }
    const random = new Uint32Array(4);
    crypto.getRandomValues(random);
    origin ??= wall + key[2] - steady;
    const iat = Math.floor((origin + steady) / 1e3);
    const claims = own({ jti: `${random}`, htm: method, htu: url, iat, nonce });
    const text = `${key[1]}.${base64url(JSON.stringify(claims))}`;
    const signature = await subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key[0], new TextEncoder().encode(text));
    return `${text}.${base64url(String.fromCharCode(...new Uint8Array(signature)))}`;
  } catch {
    return void 0;
  }
}
function base64url(text) {
  return btoa(text).replace(/[+/=]/g, (found) => ({ "+": "-", "/": "_" })[found] ?? "");
}
var TIMEOUT_MS, origin;
var init_device_key = __esm({
  "src/host/device-key.js"() {
    "use strict";
    init_own();
    TIMEOUT_MS = 2e3;
  }
});

// src/host/http.js
async function sendRefresh(realm, settings, [reason, page, activeAgoMs, contexts], signal, proof) {
  const { refresh } = settings;
  if (typeof refresh !== "string")
    return answerOf(realm, await refresh({ reason, page, activeAgoMs, signal, contexts }));
  const said = within(contexts, { reason, page, active_ago: Math.floor(activeAgoMs / 1e3) });
  return ask(realm, settings, refresh, said, signal, proof);
}
function within(contexts, body) {
  return contexts.length ? { ...body, contexts } : body;
}
async function signOut(realm, settings, everywhere, signal) {
  const how = settings.signOut;
  if (typeof how !== "string") return how?.({ everywhere, signal });
  return ask(realm, settings, how, everywhere ? { everywhere } : {}, signal);
}
async function signIn(realm, run) {
  const { status, body } = await answerOf(realm, await run());
  return status < 300 ? body : void 0;
}
async function ask(realm, { key, server, deviceBinding }, url, said, signal, proof, isSignIn) {
  const send = async (dpop) => answerOf(realm, await post(realm, url, server ? { ...said, version: "2", dpop } : said, !server, signal), isSignIn);
  const sent = server ? await (proof ?? prove(realm, key, url, isSignIn && deviceBinding)) : void 0;
  const answer = await send(sent || void 0);
  if (answer.status !== 401) return answer;
  const challenge = own(answer.body);
  if (sent && challenge.dpop_nonce) return send(await prove(realm, key, url, false, challenge));
  if (sent === "" && challenge.error === "invalid_dpop_proof")
    answer.body = { error: "session_ended", reason: "key_lost" };
  return answer;
}
function post(realm, url, said, isOwn, signal) {
  const options = own({
    method: "POST",
    credentials: "include",
    // Without it, a navigation during the request loses the rotated cookie.
    keepalive: true,
    cache: "no-store",
    // The protocol allows no redirects.
    redirect: "error",
    headers: isOwn ? own({ "content-type": "application/json", "nolapse-version": "1" }) : own(void 0),
    body: JSON.stringify(own(said)),
    signal
  });
  return realm.fetch(url, options);
}
async function answerOf(realm, value, isReadWhole) {
  if (!(value instanceof realm.Response))
    return (
      /** @type {Answer} */
      /** @type {unknown} */
      own({ status: 0, body: value })
    );
  const { status, ok, headers } = (
    /** @type {Response} */
    /** @type {unknown} */
    value
  );
  return (
    /** @type {Answer} */
    /** @type {unknown} */
    own({
      status,
      retryAfter: retryAfter(headers),
      ...isReadWhole || ok || status === 401 ? await read(
        /** @type {Response} */
        /** @type {unknown} */
        value
      ) : void 0
    })
  );
}
async function sendCredentials(realm, settings, url, credentials) {
  try {
    const signal = realm.AbortSignal?.timeout(settings.timeoutMs);
    return await ask(realm, settings, url, within(settings.contexts, credentials), signal, void 0, true);
  } catch (error) {
    return (
      /** @type {Answer} */
      /** @type {unknown} */
      own({ status: (
        /** @type {Error} */
        error.name === "TimeoutError" ? -1 : 0
      ) })
    );
  }
}
async function read(response) {
  const reader = readerOf(response);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (; ; ) {
    const value = reader && (await reader.read()).value;
    if (!value) break;
    size += value.length;
    if (size > LIMIT) {
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
  if (!value) return Number.NaN;
  if (/^\d+$/.test(value)) return Number(value);
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  return Math.max(0, Date.parse(value) - now) / 1e3;
}
function grantOf(given, status, contexts) {
  if (typeof given !== "object" || !given) return [Number.NaN, Number.NaN, status, "", "", "", "", ""];
  try {
    const answer = own(given);
    const session = own(answer.session);
    const user = session.user ?? null;
    const { id, sub } = own(user);
    const userId = id ?? sub;
    const token = tokenOf(answer.access_token);
    return [
      numberOf(answer.expires_in) ?? claimedLife(token) ?? Number.NaN,
      numberOf(answer.refresh_in) ?? Number.NaN,
      status,
      [token, ...contextsOf(answer.contexts, contexts)].join(" "),
      lineOf(answer.token_type),
      lineOf(session.id),
      lineOf(typeof userId === "number" ? String(userId) : userId),
      JSON.stringify(user)
    ];
  } catch {
    return [Number.NaN, Number.NaN, status, "", "", "", "", "null"];
  }
}
function contextsOf(granted, requested) {
  const found = own(granted);
  return requested.map((name) => `${name} ${tokenOf(own(found[name]).access_token)}`);
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
function tokenOf(value) {
  return lineOf(value).replace(/.* .*/, "");
}
function lineOf(value) {
  return typeof value === "string" && !/\p{Cc}/u.test(value) ? value : "";
}
function numberOf(value) {
  return typeof value === "number" ? value : void 0;
}
var LIMIT;
var init_http = __esm({
  "src/host/http.js"() {
    "use strict";
    init_device_key();
    init_own();
    LIMIT = 65536;
  }
});

// src/generated/codes.js
var STARTED, TOKEN_REQUESTED, REFRESH_REQUESTED, TOKEN_REJECTED, CALLER_ABORTED, SIGN_IN_REQUESTED, SIGN_IN_FINISHED, SIGN_IN_THREW, TOKENS_PROVIDED, SIGN_OUT_REQUESTED, SIGN_OUT_NOTIFIED, SIGN_OUT_FAILED, LOCK_GRANTED, LOCK_FAILED, REFRESH_GRANTED, REFRESH_ENDED, REFRESH_FAILED, TAB_MESSAGE_RECEIVED, STORAGE_CHANGED, DEADLINE_REACHED, PAGE_CHANGED, CLOSED, ACTIVE, PUSH_RECEIVED, STREAM_ENDED, VISIBLE, HIDDEN, FROZEN, RESUMED, LEFT, RETURNED, ONLINE, OFFLINE, ACQUIRE_LOCK, RELEASE_LOCK, SEND_REFRESH, SEND_SIGN_OUT, RUN_SIGN_IN, ABORT, TOKEN_CHANGED, SETTLE_TOKEN, SETTLE_DONE, SETTLE_ERROR, BROADCAST, WRITE_RECORD, OPEN_CHANNEL, CLOSE_CHANNEL, STATUS, REFRESHED, REFRESH_FAILURE, SIGNED_OUT, USER_CHANGED, TRACED, OPEN_STREAM, CLOSE_STREAM;
var init_codes = __esm({
  "src/generated/codes.js"() {
    "use strict";
    STARTED = 0;
    TOKEN_REQUESTED = 1;
    REFRESH_REQUESTED = 2;
    TOKEN_REJECTED = 3;
    CALLER_ABORTED = 4;
    SIGN_IN_REQUESTED = 5;
    SIGN_IN_FINISHED = 6;
    SIGN_IN_THREW = 7;
    TOKENS_PROVIDED = 8;
    SIGN_OUT_REQUESTED = 9;
    SIGN_OUT_NOTIFIED = 10;
    SIGN_OUT_FAILED = 11;
    LOCK_GRANTED = 12;
    LOCK_FAILED = 13;
    REFRESH_GRANTED = 14;
    REFRESH_ENDED = 15;
    REFRESH_FAILED = 16;
    TAB_MESSAGE_RECEIVED = 17;
    STORAGE_CHANGED = 18;
    DEADLINE_REACHED = 19;
    PAGE_CHANGED = 20;
    CLOSED = 21;
    ACTIVE = 22;
    PUSH_RECEIVED = 23;
    STREAM_ENDED = 24;
    VISIBLE = 0;
    HIDDEN = 1;
    FROZEN = 2;
    RESUMED = 3;
    LEFT = 4;
    RETURNED = 5;
    ONLINE = 6;
    OFFLINE = 7;
    ACQUIRE_LOCK = 0;
    RELEASE_LOCK = 1;
    SEND_REFRESH = 2;
    SEND_SIGN_OUT = 3;
    RUN_SIGN_IN = 4;
    ABORT = 5;
    TOKEN_CHANGED = 6;
    SETTLE_TOKEN = 7;
    SETTLE_DONE = 8;
    SETTLE_ERROR = 9;
    BROADCAST = 10;
    WRITE_RECORD = 11;
    OPEN_CHANNEL = 12;
    CLOSE_CHANNEL = 13;
    STATUS = 14;
    REFRESHED = 15;
    REFRESH_FAILURE = 16;
    SIGNED_OUT = 17;
    USER_CHANGED = 18;
    TRACED = 19;
    OPEN_STREAM = 20;
    CLOSE_STREAM = 21;
  }
});

// src/host/step-up.js
var step_up_exports = {};
__export(step_up_exports, {
  steppedUp: () => steppedUp
});
async function steppedUp({ headers }, tell) {
  const challenge = headers.get("www-authenticate") ?? "";
  if (!/^bearer\s.*\berror="?insufficient_user_authentication"?/is.test(challenge)) return false;
  const waiting = pending.get(tell) ?? /* @__PURE__ */ new Map();
  pending.set(tell, waiting);
  const found = waiting.get(challenge) ?? ask2(challenge, tell).finally(() => waiting.delete(challenge));
  waiting.set(challenge, found);
  return found;
}
async function ask2(challenge, tell) {
  const waited = [];
  const parameter = (name) => new RegExp(`\\b${name}=(?:"([^"]*)"|([^\\s",]*))`, "i").exec(challenge)?.slice(1).find(Boolean);
  const maxAge = Number.parseInt(parameter("max_age") ?? "", 10);
  const event = own({
    acrValues: Object.freeze(parameter("acr_values")?.split(/\s+/) ?? []),
    maxAge: maxAge >= 0 ? maxAge : null,
    waitUntil: (done) => void waited.push(done)
  });
  tell(
    /** @type {Parameters<Tell>[0]} */
    event
  );
  try {
    await Promise.all(waited);
    return waited.length > 0;
  } catch {
    return false;
  }
}
var pending;
var init_step_up = __esm({
  "src/host/step-up.js"() {
    "use strict";
    init_own();
    pending = /* @__PURE__ */ new WeakMap();
  }
});

// src/host/storage.js
function hasHint({ document }) {
  return document ? HINT.test(Reflect.get(Document.prototype, "cookie", document)) : false;
}
var HINT, EXPIRED_RECORD, RecordStorage;
var init_storage = __esm({
  "src/host/storage.js"() {
    "use strict";
    HINT = /(?:^|; )nolapse-hint=1(?:;|$)/;
    EXPIRED_RECORD = "nolapse1;0;in;0;0";
    RecordStorage = class {
      #storage;
      #key;
      #realm;
      /**
       * @param {string} key
       * @param {import("./realm.js").Realm} realm
       */
      constructor(key, realm) {
        this.#key = key;
        this.#realm = realm;
        try {
          this.#storage = realm.localStorage;
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
      /** Reads the record. Without one, as in cleared or full storage, the hint cookie counts as one. */
      readOrHint() {
        return this.read() || (hasHint(this.#realm) ? EXPIRED_RECORD : "");
      }
      /**
       * Writes the record, if the browser allows it; removes it if the text is empty.
       *
       * @param {string} record
       */
      write(record) {
        try {
          if (record) this.#storage?.setItem(this.#key, record);
          else this.#storage?.removeItem(this.#key);
        } catch {
        }
      }
    };
  }
});

// src/host/key-thumbprint.js
async function thumbprint(realm, { key, deviceBinding }) {
  const { subtle } = realm.crypto;
  const proof = subtle && deviceBinding ? await prove(realm, key, "", true) : void 0;
  if (!subtle || !proof) return void 0;
  const header = proof.split(".")[0]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
  const { x, y } = JSON.parse(atob(header)).jwk;
  const canonical = new TextEncoder().encode(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`);
  const digest = await subtle.digest("SHA-256", canonical);
  return base64url(String.fromCharCode(...new Uint8Array(digest)));
}
var init_key_thumbprint = __esm({
  "src/host/key-thumbprint.js"() {
    "use strict";
    init_device_key();
  }
});

// src/host/popup.js
function outcomeOf(realm, popup, origin2, provider, signal) {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const deadline = realm.performance.now() + TIMEOUT_MS2;
    let timer;
    const end = (settle) => {
      controller.abort();
      realm.clearTimeout(
        /** @type {never} */
        timer
      );
      settle();
    };
    let wasClosed = false;
    const check2 = () => {
      if (wasClosed || realm.performance.now() > deadline) return end(() => resolve("closed"));
      wasClosed = popup.closed && hasFocus(realm);
      timer = realm.setTimeout(check2, CHECK_MS);
    };
    timer = realm.setTimeout(check2, CHECK_MS);
    const listening = own({ signal: controller.signal });
    const { addEventListener } = EventTarget.prototype;
    const onMessage = (event) => {
      const { source, origin: sender, data } = (
        /** @type {MessageEvent} */
        event
      );
      if (source !== popup || sender !== origin2) return;
      const { type, provider: named, error } = own(data);
      if (type === "nolapse:sign-in" && named === provider) end(() => resolve({ error }));
    };
    addEventListener.call(realm, "message", onMessage, listening);
    signal?.addEventListener("abort", () => end(() => reject(signal.reason)), listening);
  });
}
function hasFocus({ document }) {
  return document ? Document.prototype.hasFocus.call(document) : true;
}
var CHECK_MS, TIMEOUT_MS2;
var init_popup = __esm({
  "src/host/popup.js"() {
    "use strict";
    init_own();
    CHECK_MS = 250;
    TIMEOUT_MS2 = 6e5;
  }
});

// src/host/redirects.js
function countRedirect(before, now) {
  const recent = before.filter((at) => at <= now && now - at < PERIOD_MS).slice(-MOST);
  const [oldest = now] = recent;
  if (recent.length < MOST) return { times: [...recent, now], retryInMs: 0 };
  return { times: recent, retryInMs: oldest + PERIOD_MS - now };
}
function readTimes(text) {
  return (text ?? "").split(" ").map(Number).filter((at) => Number.isFinite(at) && at > 0);
}
var MOST, PERIOD_MS;
var init_redirects = __esm({
  "src/host/redirects.js"() {
    "use strict";
    MOST = 3;
    PERIOD_MS = 6e4;
  }
});

// src/host/sign-in-result.js
function providerError(reported) {
  const known = (
    /** @type {ProviderCode[]} */
    Object.keys(MESSAGES)
  );
  const code = known.find((one) => one === reported) ?? "provider_failed";
  return [code, MESSAGES[code]];
}
function split(href) {
  const [, before = "", query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(href) ?? [];
  return { before, pairs: query ? query.split("&") : [], fragment };
}
function replaced(href, added) {
  const { before, pairs, fragment } = split(href);
  const query = [...pairs.filter((pair) => !PARAMETERS.test(pair)), ...added].join("&");
  return `${before}${query && `?${query}`}${fragment}`;
}
function returningTo(href, key) {
  return replaced(href, [`nolapse_session=${nameOf(key)}`]);
}
function resultIn(href, key) {
  const { pairs } = split(href);
  const params = new URLSearchParams(pairs.join("&"));
  if (params.get("nolapse_session") !== nameOf(key)) return void 0;
  return {
    error: params.get("nolapse_error"),
    provider: params.get("nolapse_provider") ?? "",
    cleaned: replaced(href, [])
  };
}
function nameOf(key) {
  let hash = 2166136261;
  for (const byte of new TextEncoder().encode(key)) hash = Math.imul(hash ^ byte, 16777619);
  return (hash >>> 0).toString(36);
}
function signedInElsewhere(record) {
  const version = Number(RECORD.exec(record)?.[1] ?? 0);
  return `nolapse1;${version % LAST_VERSION + 1};in;0;0`;
}
function pendingSignOut(record) {
  const [, , state, , , isNotified, everywhere] = record.split(";");
  return state === "out" && isNotified === "0" ? { everywhere: everywhere === "1" } : void 0;
}
function sessionIn(record) {
  const [, , state, , fingerprint = ""] = record.split(";");
  return state === "in" ? fingerprint : "";
}
var MESSAGES, PARAMETERS, RECORD, LAST_VERSION;
var init_sign_in_result = __esm({
  "src/host/sign-in-result.js"() {
    "use strict";
    MESSAGES = {
      provider_denied: "the provider or the user denied the sign-in",
      provider_failed: "the provider is unreachable, or its response is not valid",
      provider_refused: "the auth server refuses the provider's response",
      account_exists: "the e-mail address belongs to another account: sign in to it and link the provider"
    };
    PARAMETERS = /^nolapse_(session|error|provider)=/;
    RECORD = /^nolapse1;(\d{1,7});(in|out);/;
    LAST_VERSION = 2000001;
  }
});

// src/host/provider.js
var provider_exports = {};
__export(provider_exports, {
  signIn: () => signIn2,
  signOut: () => signOut2,
  takeReturn: () => takeReturn
});
async function takeReturn({ realm, settings, app }) {
  const { location: location2, history } = realm;
  const result = resultIn(location2?.href ?? "", settings.key);
  if (!result) return;
  const { error, provider, cleaned } = result;
  history?.replaceState(history.state, "", cleaned);
  if (error === null) {
    const storage = new RecordStorage(settings.key, realm);
    storage.write(signedInElsewhere(storage.read()));
  } else {
    app.signInError = app.error(...providerError(error), "", "", Number.NaN);
    app.emit?.("sign_in_failed", Object.freeze({ provider, error: app.signInError }));
  }
}
async function signIn2(page, options, popup) {
  try {
    const server = (
      /** @type {string} */
      page.settings.server
    );
    const wanted = check(page, options);
    if (wanted.signal?.aborted) throw wanted.signal.reason;
    page.app.signInError = null;
    await settleSignOut(page);
    return wanted.display === "popup" ? await inPopup(page, wanted, server, popup) : await byRedirect(page, wanted, server);
  } catch (error) {
    popup?.close();
    throw error;
  }
}
async function signOut2({ realm, settings, host }, options) {
  const everywhere = Boolean(options.everywhere);
  const url = await endSession(realm, settings, everywhere);
  const isNotified = await host.signOut({ everywhere });
  if (url) realm.location?.assign(url);
  return isNotified;
}
async function endSession(realm, settings, everywhere) {
  if (typeof settings.signOut !== "string") return void 0;
  const waiting = (realm.AbortSignal ?? AbortSignal).timeout(settings.timeoutMs);
  const answer = await signOut(realm, settings, everywhere, waiting).catch(() => void 0);
  const { status, body } = own(answer);
  const { end_session_url: url } = own(status === 200 ? body : void 0);
  return typeof url === "string" && /^https?:\/\//.test(url) ? url : void 0;
}
function check({ realm, settings }, { provider, display = "redirect", returnTo, link = false, signal }) {
  if (typeof provider !== "string" || !/^[\w-]{1,64}$/.test(provider))
    throw new TypeError("provider must be a provider's name");
  if (display !== "redirect" && display !== "popup") throw new TypeError("display must be redirect or popup");
  if (typeof link !== "boolean") throw new TypeError("link must be a boolean");
  const { href = "", origin: origin2 } = realm.location ?? {};
  const url = new URL(String(returnTo ?? href), href);
  if (!/^https?:$/.test(url.protocol) || url.origin !== origin2 || url.username || url.password)
    throw new TypeError("returnTo must be a URL of the page's own origin");
  const waiting = (
    /** @type {AbortSignal | undefined} */
    signal
  );
  return { provider, display, link, signal: waiting, returnTo: returningTo(url.href, settings.key) };
}
async function startOf({ realm, settings }, { provider, display, returnTo, link }, server) {
  const query = new URLSearchParams([["return_to", returnTo], ["display", display], ...link ? [["link", "1"]] : []]);
  const jkt = await thumbprint(realm, settings);
  if (jkt) query.set("dpop_jkt", jkt);
  return `${server}/auth/providers/${provider}/sign-in?${query}`;
}
async function settleSignOut({ realm, settings, app, host }) {
  const pending2 = pendingSignOut(new RecordStorage(settings.key, realm).read());
  if (pending2 && await host.signOut(pending2) !== true)
    throw app.error("unreachable", "the auth server is unreachable", "", "network", Number.NaN);
}
async function byRedirect(page, wanted, server) {
  const { realm, settings, app } = page;
  const { provider, signal } = wanted;
  const counter = `${settings.key}	redirects	${provider}`;
  const counted = redirected.get(realm) ?? /* @__PURE__ */ new Map();
  redirected.set(realm, counted);
  const before = [...readTimes(keep(realm, counter)), ...counted.get(provider) ?? []];
  const { times, retryInMs } = countRedirect(
    [...new Set(before)].sort((one, other) => one - other),
    realm.Date.now()
  );
  counted.set(provider, times);
  const isKept = keep(realm, counter, times.join(" ")) !== void 0;
  if (retryInMs > 0 || !(isKept || isUsersWish(realm)))
    throw app.error("redirect_loop", "this page has gone to the provider too often", "", "", retryInMs || Number.NaN);
  const start = await startOf(page, wanted, server);
  return new Promise((_, reject) => {
    const controller = new AbortController();
    const end = (reason) => {
      controller.abort();
      reject(reason);
    };
    const listening = own({ signal: controller.signal });
    const { addEventListener } = EventTarget.prototype;
    const onShown = (event) => {
      if (
        /** @type {PageTransitionEvent} */
        event.persisted
      )
        end(new DOMException("the user came back to this page", "AbortError"));
    };
    addEventListener.call(realm, "pageshow", onShown, listening);
    signal?.addEventListener("abort", () => end(signal.reason), listening);
    realm.location?.assign(start);
  });
}
function isUsersWish({ navigator }) {
  return navigator?.userActivation?.isActive ?? true;
}
async function inPopup(page, wanted, server, popup) {
  const { realm, settings, app, host } = page;
  const { provider, signal } = wanted;
  if (!popup || popup.closed)
    throw app.error("popup_blocked", "the browser has blocked the pop-up", "", "", Number.NaN);
  const storage = new RecordStorage(settings.key, realm);
  const before = sessionIn(storage.read());
  popup.resizeTo(...POPUP_SIZE);
  popup.location.replace(await startOf(page, wanted, server));
  const outcome = await outcomeOf(realm, popup, new URL(server).origin, provider, signal);
  const adopt = () => host.signIn({ reason: "load", page: "visible", active_ago: 0 }, "refresh");
  if (outcome !== "closed") {
    popup.close();
    if (outcome.error !== void 0) throw app.error(...providerError(outcome.error), "", "", Number.NaN);
    return adopt();
  }
  const failure = await adopt().then(
    () => void 0,
    (cause) => ({ cause })
  );
  if (failure || before && before === sessionIn(storage.read()))
    throw app.error("popup_closed", "the pop-up was closed", "", "", Number.NaN, failure?.cause);
  return void 0;
}
function keep(realm, name, text) {
  try {
    const storage = realm.sessionStorage;
    const before = storage?.getItem(name);
    if (text !== void 0) storage?.setItem(name, text);
    return before;
  } catch {
    return void 0;
  }
}
var POPUP_SIZE, redirected;
var init_provider = __esm({
  "src/host/provider.js"() {
    "use strict";
    init_http();
    init_key_thumbprint();
    init_own();
    init_popup();
    init_redirects();
    init_sign_in_result();
    init_storage();
    POPUP_SIZE = [480, 680];
    redirected = /* @__PURE__ */ new WeakMap();
  }
});

// src/host/push.js
var push_exports = {};
__export(push_exports, {
  PushStream: () => PushStream
});
var PushStream;
var init_push = __esm({
  "src/host/push.js"() {
    "use strict";
    init_codes();
    init_own();
    PushStream = class {
      #realm;
      #key;
      #url;
      #feed;
      /** @type {EventSource | undefined} */
      #source;
      /** Releases the lock, or aborts the request for it; `undefined` without either. @type {((nothing: void) => void) | undefined} */
      #release;
      #isHolder = false;
      /**
       * @param {import("./realm.js").Realm} realm
       * @param {import("./options.js").Settings} settings
       * @param {(kind: number, id: number) => void} feed
       */
      constructor(realm, { key, server }, feed) {
        this.#realm = realm;
        this.#key = `${key}	push`;
        this.#url = `${server}/auth/events`;
        this.#feed = feed;
      }
      /** Opens the stream, again if it is open, as soon as no other tab holds it. */
      open() {
        if (this.#isHolder) return this.#connect();
        if (this.#release) return;
        const controller = new AbortController();
        const { signal } = controller;
        this.#release = () => controller.abort();
        const granted = () => {
          if (signal.aborted) return;
          this.#isHolder = true;
          this.#connect();
          return new Promise((release2) => {
            this.#release = release2;
          });
        };
        const denied = () => void (this.#isHolder || granted());
        try {
          const held = this.#realm.navigator?.locks?.request(this.#key, own({ signal }), granted);
          if (held) held.catch(denied);
          else denied();
        } catch {
          denied();
        }
      }
      /** Closes the stream and releases the lock: an open one would keep the page out of the back/forward cache. */
      close() {
        this.#source?.close();
        this.#isHolder = false;
        this.#release?.();
        this.#release = void 0;
      }
      #connect() {
        this.#source?.close();
        const { EventSource } = this.#realm;
        if (!EventSource) return;
        const source = new EventSource(this.#url, own({ withCredentials: true }));
        this.#source = source;
        let wasOpen = 0;
        source.onopen = () => {
          wasOpen = 1;
        };
        source.onmessage = () => this.#feed(PUSH_RECEIVED, 0);
        source.onerror = () => {
          source.close();
          this.#feed(STREAM_ENDED, wasOpen);
        };
      }
    };
  }
});

// src/host/rust-app.js
function rustApp() {
  return {
    // The app is in the same module.
    onTrap: () => {
    },
    error: (code, message, reason, failure, retryInMs, _, problem = "") => Object.assign(new Error(message), { name: "SessionError", code, message, reason, failure, retryInMs, problem })
  };
}

// src/host/bearer.js
var CurrentTokens = class {
  #realm;
  /** By context, as callers are settled with them. @type {Map<string, Bearer>} */
  all = /* @__PURE__ */ new Map();
  #life = 0;
  #wall = 0;
  #ends = 0;
  #born = 0;
  /** @param {import("./realm.js").Realm} realm */
  constructor(realm) {
    this.#realm = realm;
  }
  /**
   * @param {number} version
   * @param {string} tokens those of a response, see {@link readBearers}; empty: none can be sent now
   * @param {number} life how long they can still be sent, in milliseconds
   * @param {number} age in milliseconds
   */
  replace(version, tokens, life, age) {
    const steady = this.#realm.performance.now();
    this.all = readBearers(version, tokens);
    this.#life = life;
    this.#wall = this.#realm.Date.now();
    this.#ends = steady + life;
    this.#born = steady - age;
  }
  /**
   * How long they can still be sent, in milliseconds; not above 0 if a call has to ask the machine. The steady clock may stop
   * during a suspension; the wall clock may be set, and only the machine can tell what a step back means.
   */
  get left() {
    const passed = this.#realm.Date.now() - this.#wall;
    return passed < 0 ? 0 : Math.min(this.#life - passed, this.#ends - this.#realm.performance.now());
  }
  /** Their age, in milliseconds. */
  get age() {
    return this.#realm.performance.now() - this.#born;
  }
};
function readBearers(version, tokens) {
  const fields = ["", ...tokens.split(" ")];
  const bearers = /* @__PURE__ */ new Map();
  for (let at = 0; at < fields.length; at += 2) {
    const [context = "", token = ""] = fields.slice(at, at + 2);
    bearers.set(context, { version, token, header: `Bearer ${token}`, context });
  }
  return bearers;
}
function bearerIn(settled, context) {
  return (
    /** @type {Bearer} */
    /** @type {Map<string, Bearer>} */
    settled.get(context)
  );
}

// src/host/host.js
init_http();

// src/host/callers.js
init_codes();
init_own();
var Callers = class {
  #feed;
  #lastId = 0;
  /** @type {Map<number, Caller>} */
  #waiting = /* @__PURE__ */ new Map();
  /** Results to deliver after the current batch of inputs. @type {(() => void)[]} */
  #results = [];
  /** @param {(...given: import("./host.js").Given) => void} feed */
  constructor(feed) {
    this.#feed = feed;
  }
  /**
   * Feeds a caller's request to the machine. The caller waits until it is settled or its signal aborts.
   *
   * @param {Question} question
   * @param {AbortSignal | undefined} signal
   * @param {Settle} settle
   * @param {() => unknown} [signIn]
   */
  ask([kind, ...fields], signal, settle, signIn3 = void 0) {
    if (signal?.aborted) return settle(false, signal.reason);
    const id = ++this.#lastId;
    const onAbort = () => {
      this.#waiting.delete(id);
      this.#feed(CALLER_ABORTED, id);
      settle(false, signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, own({ once: true }));
    this.#waiting.set(id, { settle, signal, onAbort, signIn: signIn3, threw: void 0 });
    this.#feed(kind, id, .../** @type {[number]} */
    fields);
  }
  /**
   * Returns a caller's sign-in function, once.
   *
   * @param {number} id
   */
  takeSignIn(id) {
    const caller = this.#waiting.get(id);
    const run = caller?.signIn;
    if (caller) caller.signIn = void 0;
    return run;
  }
  /**
   * Stores what a caller's sign-in function threw; the caller is rejected with that.
   *
   * @param {number} id
   * @param {unknown} thrown
   */
  setThrown(id, thrown) {
    const caller = this.#waiting.get(id);
    if (caller) caller.threw = { thrown };
  }
  /**
   * Queues a caller's result until the current batch is done. Unknown ids are ignored.
   *
   * @param {number} id
   * @param {boolean} ok
   * @param {unknown} answer
   */
  settleLater(id, ok, answer) {
    const caller = this.#waiting.get(id);
    if (!caller) return;
    this.#waiting.delete(id);
    caller.signal?.removeEventListener("abort", caller.onAbort);
    const { settle, threw } = caller;
    this.#results.push(() => settle(ok, !ok && threw ? threw.thrown : answer));
  }
  /**
   * Queues an error for every caller.
   *
   * @param {unknown} error
   */
  rejectAll(error) {
    for (const id of this.#waiting.keys()) this.settleLater(id, false, error);
  }
  /** Settles the callers whose results are queued. */
  flush() {
    for (const settle of this.#results.splice(0)) settle();
  }
};

// src/host/commands.js
init_codes();
function execute({ app, callers, channel, locks, push, requests, storage, tokens }, [kind, id, a, b, c, d, text]) {
  const lines = (
    /** @type {[string, string, string, string, string]} */
    text.split("\n")
  );
  const [first, second, third, fourth] = lines;
  switch (kind) {
    case ACQUIRE_LOCK:
      return locks.acquire(id);
    case RELEASE_LOCK:
      return locks.release(id);
    case SEND_REFRESH:
      return requests.refresh(id, first, second, a, third, locks.takeRequest());
    case SEND_SIGN_OUT:
      return requests.signOut(id, a > 0);
    case RUN_SIGN_IN:
      return requests.signIn(id, callers.takeSignIn(a), (thrown) => callers.setThrown(a, thrown));
    case ABORT:
      return requests.abort(id);
    case TOKEN_CHANGED:
      return tokens.replace(id, text, a, b);
    case SETTLE_TOKEN:
      return callers.settleLater(id, true, tokens.all);
    case SETTLE_DONE:
      return callers.settleLater(id, true, a > 0);
    case SETTLE_ERROR:
      return callers.settleLater(id, false, app.error(first, second, third, fourth, a));
    case BROADCAST:
      return channel.post(text);
    case WRITE_RECORD:
      return storage.write(text);
    case OPEN_CHANNEL:
      return channel.open();
    case CLOSE_CHANNEL:
      return channel.close();
    case OPEN_STREAM:
      return push.open();
    case CLOSE_STREAM:
      return push.close();
    case STATUS:
      return app.status(a > 0, ...lines);
    case REFRESHED:
      return app.refreshed(a, b, c, d, first, second);
    case REFRESH_FAILURE:
      return app.refreshFailed(a, b, c, d, first, second);
    case SIGNED_OUT:
      return app.signedOut(first);
    case USER_CHANGED:
      return app.userChanged(first, second);
    case TRACED:
      return app.traced(a, b, c, first, second, third, fourth);
  }
}

// src/host/fetch.js
init_codes();

// src/host/challenge.js
function isTokenRejected({ status, headers }) {
  const challenge = headers.get("www-authenticate") || "bearer";
  return status === 401 && /bearer(?:(?!error=).)*(?:error="?invalid_token|$)/is.test(challenge);
}

// src/host/options.js
init_own();

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
    const origin2 = this.originOf(url);
    const isAllowed = origin2 !== void 0 && this.#listed.includes(origin2);
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

// src/host/options.js
var HTTPS = "an https URL without credentials";
var ENDPOINT = "an https URL, or a path of the page's origin";
var ORIGINS = "origins like https://api.example.com";
var NAMED = "set where auth.refresh is a function";
function refuse(option, expected) {
  throw Object.assign(new Error(`${option} must be ${expected}`), { option });
}
function readOptions(options) {
  if (typeof options !== "object" || options === null) refuse("options", "an object");
  const given = own(options);
  refuseUnknown(given, [
    "auth",
    "allowedOrigins",
    "authorization",
    "context",
    "deviceBinding",
    "initial",
    "push",
    "remember",
    "storageKey",
    "timeoutMs",
    "wasm"
  ]);
  const {
    allowedOrigins = [],
    deviceBinding = true,
    initial,
    push = false,
    remember,
    timeoutMs = 1e4,
    wasm
  } = given;
  const authorization = checkAuthorization(given.authorization ?? "required");
  const origins = Array.isArray(allowedOrigins) ? allowedOrigins.map((api) => place(api, "origin")) : [void 0];
  if (origins.includes(void 0)) refuse("allowedOrigins", ORIGINS);
  if (!(typeof timeoutMs === "number" && timeoutMs >= 1e3 && timeoutMs <= 6e4))
    refuse("timeoutMs", "1,000 to 60,000");
  if (initial !== void 0 && !own(initial).state) refuse("initial", "a status");
  if (remember !== void 0 && typeof remember !== "function") refuse("remember", "a function");
  const identity = readIdentity(given);
  if (typeof deviceBinding !== "boolean") refuse("deviceBinding", "a boolean");
  if (typeof push !== "boolean" || push && !identity.server) refuse("push", "a boolean, and auth a URL");
  return {
    ...identity,
    allowedOrigins: (
      /** @type {string[]} */
      origins
    ),
    authorization,
    initial: (
      /** @type {Settings["initial"]} */
      initial
    ),
    deviceBinding,
    push,
    remember: (
      /** @type {Settings["remember"]} */
      remember
    ),
    timeoutMs,
    wasm
  };
}
function readIdentity({ auth, context: given, storageKey }) {
  const context = checkContext(given ?? "");
  if (storageKey !== void 0 && !(typeof storageKey === "string" && /^\P{Cc}{1,100}$/u.test(storageKey)))
    refuse("storageKey", "1 to 100 printable characters");
  const endpoints = readAuth(auth);
  const { refresh } = endpoints;
  const name = storageKey ?? (typeof refresh === "string" ? refresh : refuse("storageKey", NAMED));
  return { ...endpoints, key: `nolapse:${name}`, context, contexts: context ? [context] : [] };
}
function checkAuthorization(value) {
  if (value !== "required" && value !== "optional" && value !== "best_effort")
    refuse("authorization", "required, optional or best_effort");
  return value;
}
function checkContext(value) {
  if (typeof value !== "string" || !/^[!-~]{0,100}$/.test(value))
    refuse("context", "up to 100 visible ASCII characters");
  return value;
}
function readAuth(auth) {
  if (typeof auth !== "object" || auth === null || auth instanceof URL) {
    if (typeof auth !== "string" && !(auth instanceof URL)) refuse("auth", "a URL, or { refresh, signOut }");
    const server = place(auth, "server") ?? refuse("auth", HTTPS);
    return { server, refresh: `${server}/auth/refresh`, signOut: `${server}/auth/sign-out` };
  }
  const given = own(auth);
  refuseUnknown(given, ["refresh", "signOut"], "auth.");
  const refresh = endpoint(given.refresh, "auth.refresh");
  const signOut3 = given.signOut === void 0 ? void 0 : endpoint(given.signOut, "auth.signOut");
  return { server: void 0, refresh, signOut: signOut3 };
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
    if (!known.includes(key)) refuse(prefix + key, "left out");
  }
}

// src/host/fetch.js
init_own();
var SAFE = /^(GET|HEAD)$/;
var FetchWrapper = class {
  #realm;
  #Request;
  #host;
  #native;
  #origins;
  #url;
  #authorization;
  #context;
  /** Called when a call finishes, if the app observes calls. @type {import("./host.js").App["called"] | undefined} */
  onCall;
  /** Called when an API wants a step-up, if the app listens for that. @type {import("./step-up.js").Tell | undefined} */
  onStepUp;
  /**
   * @param {import("./options.js").Settings} settings
   * @param {import("./host.js").Host} host
   * @param {import("./realm.js").Realm} realm
   */
  constructor({ allowedOrigins, authorization, context }, host, realm) {
    this.#host = host;
    this.#authorization = authorization;
    this.#context = context;
    this.#origins = new Origins(allowedOrigins);
    this.#realm = realm;
    this.#native = realm.fetch;
    this.#Request = realm.Request;
    this.#url = Object.getOwnPropertyDescriptor(this.#Request.prototype, "url")?.get;
  }
  /**
   * Calls `fetch` with these arguments, with a token if the URL of the resulting `Request` is listed. Throws if the call's own
   * `authorization` or `context` is invalid.
   *
   * @param {Parameters<typeof fetch> | []} given
   * @returns {Promise<Response>}
   */
  fetch(...given) {
    const [input, init] = given;
    const terms = {
      authorization: checkAuthorization(field(init, "authorization") ?? this.#authorization),
      context: checkContext(field(init, "context") ?? this.#context),
      background: !!field(init, "background")
    };
    try {
      if (!given.length) return (
        /** @type {() => Promise<Response>} */
        this.#native.call(this.#realm)
      );
      const known = typeof input === "object" && input ? this.#urlOf(input) : void 0;
      const target = known === void 0 ? `${input}` : (
        /** @type {Request} */
        input
      );
      if (this.#origins.allows(known ?? `${target}`) === false) return this.#native.call(this.#realm, target, init);
      const body = field(init, "body");
      const request = this.#make(target, init);
      if (!this.#allows(request) || request.headers.has("authorization")) return this.#send(request);
      const mayBeAborted = known !== void 0 || init && "signal" in init;
      if (!mayBeAborted || !request.signal.aborted) return this.#authorise(request, body, terms);
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
   * @param {Terms} terms
   * @returns {Promise<Response>}
   */
  #authorise(request, body, { authorization, context, background }) {
    const call = this.onCall && this.#begin(request);
    const bearer = this.#host.bearer(background, context);
    if (bearer) return this.#watch(this.#sendWith(bearer, request, body, call), call);
    const isBrief = authorization === "best_effort";
    return this.#ask([TOKEN_REQUESTED, 0, Number(isBrief), 0, context], request, (ok, answer) => {
      if (!ok) {
        if (!request.signal.aborted && goesWithout(authorization, answer))
          return this.#watch(this.#send(request), call);
        release(request, answer);
        throw answer;
      }
      if (call) call.waitedMs = Math.round(this.#realm.performance.now() - call.begun);
      return this.#watch(this.#sendWith(bearerIn(answer, context), request, body, call), call);
    });
  }
  /**
   * Asks the machine for a token for a request, until the request's signal aborts.
   *
   * @param {import("./callers.js").Question} question
   * @param {Request} request
   * @param {(ok: boolean, answer: unknown) => Response | Promise<Response>} next
   * @returns {Promise<Response>}
   */
  #ask(question, { signal }, next) {
    return new Promise((resolve, reject) => {
      this.#host.ask(question, signal, (ok, answer) => {
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
    if (call) call.tokenAgeMs = this.#host.tokens.age;
    const fixed = typeof body === "string" || body instanceof Blob ? body : void 0;
    const isBare = fixed !== void 0 || SAFE.test(given.method);
    const request = isBare ? given : this.#replayable(given);
    if (!request) return this.#sendBearing(bearer, given);
    const again = isBare ? request : request.clone();
    return this.#sendBearing(bearer, request).then((answer) => {
      if (answer.status !== 401 || !this.#isFromBearer(request, answer)) return answer;
      const retry = () => this.#retry(bearer, again, fixed, answer, call);
      const tell = this.onStepUp;
      if (isTokenRejected(answer)) return retry();
      if (!tell) return answer;
      const stepUp = Promise.resolve().then(() => (init_step_up(), step_up_exports)).then(({ steppedUp: steppedUp2 }) => steppedUp2(answer, tell));
      return stepUp.then(
        (done) => done ? retry() : answer,
        () => answer
      );
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
  #isFromBearer(request, { redirected: redirected2, url }) {
    if (!redirected2) return true;
    return SAFE.test(request.method) && this.#origins.originOf(url) === this.#origins.originOf(request.url);
  }
  /**
   * Refreshes the rejected token and sends the request once more; without another token, returns the first response.
   *
   * @param {Bearer} rejected
   * @param {Request} again
   * @param {BodyInit | undefined} body
   * @param {Response} answer
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #retry({ version, context }, again, body, answer, call) {
    return this.#ask([TOKEN_REJECTED, version, 0, 0, context], again, (ok, found) => {
      if (!ok && again.signal.aborted) throw found;
      if (!ok) return answer;
      const bearer = bearerIn(found, context);
      if (bearer.version === version) return answer;
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
    return request.keepalive ? this.#native.call(this.#realm, request, kept(request)) : this.#native.call(this.#realm, request);
  }
  /** @param {Request} request @returns {Call} */
  #begin({ method, url }) {
    const [place2 = ""] = url.split(/[?#]/);
    return { method, url: place2, begun: this.#realm.performance.now(), waitedMs: 0, tokenAgeMs: 0, retried: false };
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
        const { method, url, begun, waitedMs, tokenAgeMs, retried } = call;
        const durationMs = Math.round(this.#realm.performance.now() - begun);
        this.onCall?.(method, url, waitedMs, tokenAgeMs, status, retried, durationMs);
      };
      answer.then(
        ({ status }) => tell(status),
        () => tell(void 0)
      );
    }
    return answer;
  }
};
function field(init, name) {
  return init ? own(Object.getOwnPropertyDescriptor(init, name)).value : void 0;
}
function goesWithout(authorization, error) {
  const { code } = own(error);
  if (code === "signed_out") return authorization !== "required";
  return authorization === "best_effort" && code !== void 0 && code !== "closed";
}
function kept({ referrer, referrerPolicy }) {
  return own({ keepalive: true, referrer, referrerPolicy });
}
function release({ body }, reason) {
  body?.cancel(reason).catch(() => {
  });
}

// src/host/requests.js
init_http();
init_codes();
init_own();
var MAX_CONTEXTS = 16;
var Requests = class {
  #realm;
  #settings;
  #feed;
  /** The abort controllers of in-flight requests, by attempt. @type {Map<number, AbortController>} */
  #open = /* @__PURE__ */ new Map();
  /**
   * @param {import("./realm.js").Realm} realm
   * @param {import("./options.js").Settings} settings
   * @param {(...given: Given) => void} feed
   */
  constructor(realm, settings, feed) {
    this.#realm = realm;
    this.#settings = settings;
    this.#feed = feed;
  }
  /**
   * Sends a refresh, or takes over the early refresh that was sent before the module was loaded.
   *
   * @param {number} attempt
   * @param {string} reason
   * @param {string} page
   * @param {number} activeAgoMs
   * @param {string} names those of contexts besides the session's, separated by spaces
   * @param {import("./early-refresh.js").EarlyRequest} [early]
   */
  refresh(attempt, reason, page, activeAgoMs, names, early) {
    const realm = this.#realm;
    const contexts = /* @__PURE__ */ new Set([...this.#settings.contexts, ...names.split(" ")]);
    contexts.delete("");
    const declared = (
      /** @type {import("./http.js").Refresh} */
      [
        reason,
        page,
        activeAgoMs,
        [...contexts].slice(0, MAX_CONTEXTS)
      ]
    );
    const controller = early?.controller ?? new AbortController();
    const ask3 = () => sendRefresh(realm, this.#settings, declared, controller.signal);
    const age = early ? (realm.performance.now() - early.sent) / 1e3 : 0;
    const given = (answer2) => refreshed(attempt, answer2, declared);
    const read2 = (answer2) => {
      const first = refreshed(attempt, answer2, early?.declared ?? declared);
      const [kind, , lifetime = 0, refreshIn = 0, ...rest] = first;
      if (!age || kind !== REFRESH_GRANTED) return first;
      if (lifetime < age * 2) return ask3().then(given);
      return [kind, attempt, lifetime - age, refreshIn - age, ...rest];
    };
    const answer = early?.answer ?? ask3();
    this.#finish(attempt, controller, answer.then(read2), (error) => this.#refreshFailed(attempt, error));
  }
  /**
   * The input for a refresh without a response. An app's error with an own `name` of `SessionEnded` ends the session; any
   * other counts as transient.
   *
   * @param {number} attempt
   * @param {unknown} error
   * @returns {Given}
   */
  #refreshFailed(attempt, error) {
    const { refresh } = this.#settings;
    const { name, reason } = own(typeof refresh === "string" ? void 0 : error);
    if (name === "SessionEnded") return [REFRESH_ENDED, attempt, 0, 0, 0, `${reason ?? ""}`];
    return [REFRESH_FAILED, attempt, 0, Number.NaN, 0, this.#failure(refresh)];
  }
  /**
   * Sends a sign-out.
   *
   * @param {number} attempt
   * @param {boolean} everywhere
   */
  signOut(attempt, everywhere) {
    const endpoint2 = this.#settings.signOut;
    const controller = new AbortController();
    const notified = signOut(this.#realm, this.#settings, everywhere, controller.signal).then(
      /** @returns {Given} */
      (answer) => typeof endpoint2 === "string" ? signedOut(
        attempt,
        /** @type {Answer} */
        answer
      ) : [SIGN_OUT_NOTIFIED, attempt]
    );
    const failed = () => (
      /** @type {Given} */
      [SIGN_OUT_FAILED, attempt, 0, Number.NaN, 0, this.#failure(endpoint2)]
    );
    this.#finish(attempt, controller, notified, failed);
  }
  /**
   * Runs a sign-in function.
   *
   * @param {number} attempt
   * @param {(() => unknown) | undefined} run `undefined` if its caller is gone
   * @param {(thrown: unknown) => void} threw
   */
  signIn(attempt, run, threw) {
    if (!run) return this.#feed(SIGN_IN_THREW, attempt);
    const granted = signIn(this.#realm, run).then(
      (answer) => (
        /** @type {Given} */
        [SIGN_IN_FINISHED, attempt, ...grantOf(answer, 0, this.#settings.contexts)]
      )
    );
    this.#finish(attempt, void 0, granted, (error) => {
      threw(error);
      return [SIGN_IN_THREW, attempt];
    });
  }
  /**
   * Sends credentials to an endpoint of the reference protocol and returns the token response. Rejects with an error that the
   * app makes.
   *
   * @param {string} endpoint
   * @param {object} credentials
   * @param {import("./host.js").App} app
   */
  async credentials(endpoint2, credentials, app) {
    const {
      status,
      retryAfter: retryAfter2 = Number.NaN,
      body
    } = await sendCredentials(this.#realm, this.#settings, endpoint2, credentials);
    if (status >= 200 && status < 300) return body;
    const { error, error_description: description } = own(body);
    const isRefused = status >= 400 && status < 500;
    const failure = status < 0 ? "timeout" : status ? "server_error" : this.#failure("");
    const code = isRefused ? "sign_in_refused" : status < 0 ? "timeout" : "unreachable";
    const message = `${description ?? "no response"}`;
    throw app.error(code, message, "", isRefused ? "" : failure, retryAfter2 * 1e3, void 0, `${error ?? ""}`);
  }
  /**
   * The cause of a failure without a response. The platform does not distinguish DNS, connection, TLS, CORS and redirects.
   *
   * @param {unknown} endpoint
   */
  #failure(endpoint2) {
    if (typeof endpoint2 !== "string") return "refresher_failed";
    return this.#realm.navigator?.onLine === false ? "offline" : "network";
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
function refreshed(attempt, { status, retryAfter: retryAfter2, isTooLarge, body }, [, , , contexts]) {
  if ((status === 200 || status === 0) && !isTooLarge)
    return [REFRESH_GRANTED, attempt, ...grantOf(body, status, contexts)];
  const { error, reason } = own(body);
  const isOver = status === 401 && error === "session_ended" && typeof reason === "string";
  if (isOver) return [REFRESH_ENDED, attempt, status, 0, 0, reason];
  return [REFRESH_FAILED, attempt, status, retryAfter2, 0, isTooLarge ? "too_large" : ""];
}
function signedOut(attempt, { status, retryAfter: retryAfter2 }) {
  if (status >= 200 && status < 300 || status === 401) return [SIGN_OUT_NOTIFIED, attempt];
  return [SIGN_OUT_FAILED, attempt, status, retryAfter2, 0, ""];
}

// src/host/host.js
init_device_key();

// src/host/early-refresh.js
init_device_key();
init_http();

// src/host/lifecycle.js
init_codes();
init_own();
function isHidden({ document }) {
  return document ? Reflect.get(Document.prototype, "hidden", document) === true : false;
}
function watchLifecycle(realm, key, feed, touch) {
  const controller = new AbortController();
  const options = own({ passive: true, capture: true, signal: controller.signal });
  const { addEventListener } = EventTarget.prototype;
  const on = (target, type, onCall) => {
    if (target instanceof EventTarget) addEventListener.call(target, type, onCall, options);
  };
  const changes = (change) => () => feed(PAGE_CHANGED, change);
  const { document } = realm;
  on(document, "visibilitychange", () => feed(PAGE_CHANGED, isHidden(realm) ? HIDDEN : VISIBLE));
  on(document, "freeze", changes(FROZEN));
  on(document, "resume", changes(RESUMED));
  for (const type of ["pointerdown", "keydown", "wheel", "scroll", "touchmove"]) on(document, type, touch);
  on(realm, "pagehide", changes(LEFT));
  on(realm, "pageshow", (event) => {
    if (
      /** @type {PageTransitionEvent} */
      event.persisted
    ) feed(PAGE_CHANGED, RETURNED);
  });
  on(realm, "online", changes(ONLINE));
  on(realm, "offline", changes(OFFLINE));
  on(realm, "storage", (event) => {
    const changed = (
      /** @type {StorageEvent} */
      event.key
    );
    if (changed === null || changed === key) feed(STORAGE_CHANGED, 0);
  });
  return () => controller.abort();
}

// src/host/early-refresh.js
init_own();
init_storage();
async function cancelEarly(earlyRefresh) {
  const release2 = await earlyRefresh?.lock;
  await earlyRefresh?.take()?.answer.catch(() => {
  });
  release2?.();
}

// src/host/locks.js
init_codes();
init_own();
var Locks = class {
  #locks;
  #name;
  #feed;
  /** The lock requested while the module was loading, until it is used. @type {EarlyRefresh["lock"] | undefined} */
  #early;
  /** The refresh sent under it. @type {EarlyRefresh | undefined} */
  #earlyRefresh;
  /** This tab's requests, by attempt. @type {Map<number, Request>} */
  #requests = /* @__PURE__ */ new Map();
  /**
   * @param {Pick<LockManager, "request"> | undefined} locks
   * @param {string} name
   * @param {(kind: number, attempt: number) => void} feed
   */
  constructor(locks, name, feed) {
    this.#locks = locks;
    this.#name = name;
    this.#feed = feed;
  }
  /** Takes over the lock and the refresh that were requested while the module was loading. @param {EarlyRefresh} [early] */
  adopt(early) {
    this.#early = early?.lock;
    this.#earlyRefresh = early;
  }
  /** Returns the refresh sent under that lock, once. */
  takeRequest() {
    return this.#earlyRefresh?.take();
  }
  /** Returns the lock requested while the module was loading, once. */
  takeEarly() {
    const early = this.#early;
    this.#early = void 0;
    return early;
  }
  /**
   * Requests the lock; feeds `LOCK_GRANTED` or `LOCK_FAILED`.
   *
   * @param {number} attempt
   */
  acquire(attempt) {
    const request = { controller: new AbortController(), release: void 0 };
    this.#requests.set(attempt, request);
    const early = this.takeEarly();
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
    this.#earlyRefresh = void 0;
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
    const hold = () => new Promise((release2) => this.#granted(attempt, request, release2));
    try {
      const held = this.#locks?.request(this.#name, own({ signal }), hold);
      if (!held) return ended();
      held.then(ended, ended);
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
init_own();

// src/host/bridge.js
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

// src/host/host.js
init_codes();

// src/host/provider-loader.js
function takeReturn2(page) {
  const hasResult = /[?&]nolapse_/.test(`${page.realm.location?.search}`);
  return hasResult ? load(page, "takeReturn").catch(() => {
  }) : void 0;
}
function load(page, task, options) {
  const popup = options?.display === "popup" ? page.realm.open?.("", "", "popup") : void 0;
  return Promise.resolve().then(() => (init_provider(), provider_exports)).then(
    (code) => code[task](page, options ?? {}, popup),
    (cause) => {
      popup?.close();
      throw page.app.error("load_failed", "the module could not be loaded", "", "", Number.NaN, cause);
    }
  );
}

// src/host/push-loader.js
init_codes();
function pushLoader(realm, settings, feed) {
  let loading;
  return {
    open() {
      loading ??= Promise.resolve().then(() => (init_push(), push_exports)).then(({ PushStream: PushStream2 }) => new PushStream2(realm, settings, feed));
      loading.then(
        (stream) => stream.open(),
        () => {
          loading = void 0;
          feed(STREAM_ENDED, 0);
        }
      );
    },
    close() {
      loading?.then(
        (stream) => stream.close(),
        () => {
        }
      );
    }
  };
}

// src/host/host.js
init_storage();

// src/host/tab-channel.js
init_codes();
var TabChannel = class {
  #name;
  #realm;
  #feed;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /**
   * @param {string} name
   * @param {import("./realm.js").Realm} realm
   * @param {(...given: import("./app.js").Given) => void} feed
   */
  constructor(name, realm, feed) {
    this.#name = name;
    this.#realm = realm;
    this.#feed = feed;
  }
  open() {
    this.close();
    try {
      this.#channel = new /** @type {typeof BroadcastChannel} */
      this.#realm.BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => this.#feed(TAB_MESSAGE_RECEIVED, 0, 0, 0, 0, typeof data === "string" ? data : "");
    } catch {
    }
  }
  /** @param {string} text */
  post(text) {
    try {
      this.#channel?.postMessage(text);
    } catch {
    }
  }
  close() {
    this.#channel?.close();
    this.#channel = void 0;
  }
};

// src/host/host.js
var NOTHING_TO_WAIT_FOR = -1;
var CLOSED_SESSION = "the session was closed";
var BROKEN_MODULE = "the module failed";
var Host = class {
  #realm;
  #settings;
  #page;
  #parts;
  #name = 0;
  /** @type {(() => void) | undefined} */
  #unwatch;
  /** Inputs to feed; they wait until the machine is started. @type {Given[]} */
  #queue = [];
  #isDraining = true;
  #isClosed = false;
  /** The error of every call since the module could not be loaded, or has trapped. @type {{ error: unknown } | undefined} */
  broken;
  #lastTouch = Number.NEGATIVE_INFINITY;
  /** @readonly */
  tokens;
  /** @type {import("./bridge.js").Machine | undefined} */
  #machine;
  /** @type {unknown} */
  #timer;
  /**
   * Creates a host whose calls wait until it is started.
   *
   * @param {import("./options.js").Settings} settings
   * @param {App} app
   * @param {import("./realm.js").Realm} realm
   */
  constructor(settings, app, realm) {
    const feed = this.feed.bind(this);
    const { key } = settings;
    this.#settings = settings;
    this.#realm = realm;
    this.#page = { realm, settings, app, host: this };
    this.tokens = new CurrentTokens(realm);
    this.#parts = {
      app,
      callers: new Callers(feed),
      channel: new TabChannel(key, realm, feed),
      locks: new Locks(realm.navigator?.locks, key, feed),
      push: pushLoader(realm, settings, feed),
      requests: new Requests(realm, settings, feed),
      storage: new RecordStorage(key, realm),
      tokens: this.tokens
    };
    this.calls = new FetchWrapper(settings, this, realm);
  }
  /**
   * Starts the session: adds event listeners and, if there may be a session, requests the first token.
   *
   * @param {(...given: ConstructorParameters<typeof import("./machine.js").Machine>) => import("./bridge.js").Machine} make makes a machine
   * @param {import("./early-refresh.js").EarlyRefresh} [earlyRefresh]
   * @param {Promise<unknown> | null} [returned] while the result of a sign-in through a provider is taken
   * @returns {Promise<void> | void} a promise if there is such a result
   */
  start(make, earlyRefresh, returned = takeReturn2(this.#page)) {
    if (returned) return returned.then(() => this.start(make, earlyRefresh, null));
    if (this.#isClosed) return void cancelEarly(earlyRefresh);
    const feed = this.feed.bind(this);
    const realm = this.#realm;
    const { key, timeoutMs, push } = this.#settings;
    const random = new Uint32Array(3);
    realm.crypto.getRandomValues(random);
    const [name = 0, low = 0, high = 0] = random;
    this.#name = name;
    const { locks } = this.#parts;
    locks.adopt(earlyRefresh);
    this.#machine = make(name, low * 2 ** 21 + high, timeoutMs, push, ...this.#clocks());
    this.#unwatch = watchLifecycle(realm, key, feed, () => this.#touch());
    onTimer(name, () => this.feed(DEADLINE_REACHED, 0));
    const waiting = this.#queue.splice(0);
    this.#isDraining = false;
    this.feed(STARTED, 0);
    if (isHidden(realm)) this.feed(PAGE_CHANGED, HIDDEN);
    for (const given of waiting) this.feed(...given);
    if (locks.takeEarly()) cancelEarly(earlyRefresh);
  }
  /** Feeds an input to the machine and executes its commands. Inputs fed meanwhile are queued. @param {Given} given */
  feed(...given) {
    this.#queue.push(given);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        const [kind, id, a = 0, b = 0, c = 0, ...texts] = next;
        const wait = this.#run(
          (machine) => machine.feed(...this.#clocks(), this.#parts.storage.readOrHint(), kind, id, a, b, c, texts.join("\n"))
        );
        this.#setTimer(wait ?? NOTHING_TO_WAIT_FOR);
        for (const command of drainCommands()) execute(this.#parts, command);
      }
    } finally {
      this.#isDraining = false;
    }
    if (this.#isClosed) this.#end();
    this.#parts.callers.flush();
  }
  /**
   * Resets the timer, even for the same time: suspension stops the timer and not the clock.
   *
   * @param {number} wait milliseconds
   */
  #setTimer(wait) {
    this.#realm.clearTimeout(
      /** @type {never} */
      this.#timer
    );
    if (wait > NOTHING_TO_WAIT_FOR)
      this.#timer = this.#realm.setTimeout(() => this.feed(DEADLINE_REACHED, 0), wait);
  }
  /**
   * Calls into the module. A trap is a bug in the SDK, and makes this host unusable.
   *
   * @template T
   * @param {(machine: import("./bridge.js").Machine) => T} work
   * @returns {T | undefined}
   */
  #run(work) {
    try {
      return this.#machine && work(this.#machine);
    } catch (cause) {
      this.trap(cause);
      return void 0;
    }
  }
  /** @param {unknown} cause */
  trap(cause) {
    drainCommands();
    this.break(this.#page.app.error("internal", BROKEN_MODULE, "", "", Number.NaN, cause));
    this.#page.app.onTrap(cause);
  }
  /** Makes this host unusable: rejects every call with the error. @param {unknown} error */
  break(error) {
    this.broken = { error };
    this.#queue = [];
    this.#machine = void 0;
    this.#end();
    const { callers, channel, locks, push, requests } = this.#parts;
    channel.close();
    locks.releaseAll();
    push.close();
    requests.abortAll();
    callers.rejectAll(error);
    if (!this.#isDraining || !this.#unwatch) callers.flush();
  }
  /**
   * Feeds a caller's request to the machine; rejects it after `close` or a failure of the module.
   *
   * @param {Parameters<Callers["ask"]>} asked
   */
  ask(...asked) {
    const [, , settle] = asked;
    if (this.broken) settle(false, this.broken.error);
    else if (this.#isClosed) settle(false, this.#closedError());
    else this.#parts.callers.ask(...asked);
  }
  #closedError() {
    return this.#page.app.error("closed", CLOSED_SESSION, "", "", Number.NaN);
  }
  /**
   * Like `ask`, as a promise.
   *
   * @param {import("./callers.js").Question} question
   * @param {AbortSignal} [signal]
   * @param {() => unknown} [signIn]
   * @returns {Promise<unknown>}
   */
  #promise(question, signal, signIn3) {
    return new Promise((resolve, reject) => {
      this.ask(question, signal, (ok, answer) => (ok ? resolve : reject)(answer), signIn3);
    });
  }
  /** @param {number} minValidityMs @param {unknown} given @param {AbortSignal} [signal] @returns {Promise<string>} */
  getToken(minValidityMs, given, signal) {
    const context = checkContext(given ?? this.#settings.context);
    const fresh = this.bearer(false, context);
    if (fresh && minValidityMs === 0 && !signal?.aborted) return Promise.resolve(fresh.token);
    const found = this.#promise([TOKEN_REQUESTED, minValidityMs, 0, 0, context], signal);
    return found.then((bearers) => bearerIn(bearers, context).token);
  }
  /**
   * Makes a proof for a request of the app's own to the auth server; `null` without a key.
   *
   * @param {string} url
   * @param {string} method
   * @param {boolean} isSignIn whether to create a key if there is none
   * @param {import("./own.js").Fields | undefined} challenge what the server answered to the proof before
   */
  async proof(url, method, isSignIn, challenge) {
    const { key, deviceBinding } = this.#settings;
    return await prove(this.#realm, key, url, isSignIn && deviceBinding, challenge, method) || null;
  }
  /** @param {boolean} force @param {AbortSignal} [signal] */
  refresh(force, signal) {
    return this.#promise([REFRESH_REQUESTED, Number(force)], signal);
  }
  /**
   * Runs a sign-in function, or sends credentials to an endpoint of the reference protocol, while no tab refreshes; or signs in
   * through a provider.
   *
   * @param {unknown} how the function, the credentials, or the options with the provider's name
   * @param {"sign-in" | "sign-up" | "refresh"} endpoint
   * @returns {Promise<unknown>}
   */
  signIn(how, endpoint2) {
    const { server } = this.#settings;
    const isFunction = typeof how === "function";
    if (!isFunction && server === void 0) refuse("auth", "a URL");
    const options = own(how);
    if (options.provider) return load(this.#page, "signIn", options);
    const send = () => this.#parts.requests.credentials(
      `${server}/auth/${endpoint2}`,
      /** @type {object} */
      how,
      this.#page.app
    );
    return this.#promise([SIGN_IN_REQUESTED], void 0, isFunction ? (
      /** @type {() => unknown} */
      how
    ) : send);
  }
  /**
   * Authenticates the user again (RFC 9470), and refreshes the token.
   *
   * @param {unknown} credentials
   */
  async stepUp(credentials) {
    const server = this.#settings.server ?? refuse("auth", "a URL");
    await this.#parts.requests.credentials(
      `${server}/auth/step-up`,
      /** @type {object} */
      credentials,
      this.#page.app
    );
    return this.refresh(true);
  }
  /** @param {unknown} response a token response */
  setTokens(response) {
    return this.#promise([TOKENS_PROVIDED, ...grantOf(response, 0, this.#settings.contexts)]);
  }
  /**
   * Signs out; with `atProvider`, the page goes on to the provider, to sign out there.
   *
   * @param {import("./own.js").Fields} options
   * @returns {Promise<unknown>} whether the auth server confirmed it
   */
  signOut(options) {
    if (options.atProvider) return load(this.#page, "signOut", options);
    return this.#promise([SIGN_OUT_REQUESTED, Number(!!options.everywhere)]);
  }
  /** Reads the monotonic and the wall clock, in milliseconds. @returns {[steady: number, wall: number]} */
  #clocks() {
    return [this.#realm.performance.now(), this.#realm.Date.now()];
  }
  /** Returns how long the current token can still be sent, in seconds. */
  tokenLeft() {
    return Math.max(this.tokens.left, 0) / 1e3 || 0;
  }
  /**
   * Returns the token to send now; `undefined` if the call has to wait.
   *
   * @param {boolean} background whether the call does not count as activity of the app
   * @param {string} context
   */
  bearer(background, context) {
    if (!background) this.#touch();
    const bearer = this.tokens.all.get(context);
    return bearer?.token && this.tokens.left > 0 ? bearer : void 0;
  }
  /** Reports activity to the machine, at most once a second. */
  #touch() {
    const now = this.#realm.performance.now();
    if (now - this.#lastTouch < 1e3) return;
    this.#lastTouch = now;
    this.feed(ACTIVE, 0);
  }
  /** Closes this host: rejects every waiting caller and releases all resources. */
  close() {
    this.#isClosed = true;
    if (this.#machine) this.feed(CLOSED, 0);
    else this.break(this.#closedError());
  }
  #end() {
    this.#unwatch?.();
    this.#setTimer(NOTHING_TO_WAIT_FOR);
    onTimer(this.#name);
    this.tokens.replace(0, "", Number.NaN, 0);
    this.#machine?.free();
    this.#machine = void 0;
  }
};

// src/host/last-user.js
init_http();
init_own();
init_storage();
var LastUser = class {
  #storage;
  #remember;
  /**
   * @param {import("./options.js").Settings} settings
   * @param {import("./realm.js").Realm} realm
   */
  constructor({ key, remember }, realm) {
    this.#storage = new RecordStorage(`${key}:user`, realm);
    this.#remember = remember;
  }
  /** Returns what was kept; `null` without. */
  get() {
    return parsed(this.#storage.read()) ?? null;
  }
  /**
   * Keeps what the app chooses of the user; by default the id.
   *
   * @param {unknown} user
   */
  keep(user) {
    const { id } = own(user);
    const kept2 = this.#remember ? this.#remember(user) : id === void 0 ? null : { id };
    const text = kept2 === null ? "" : JSON.stringify(kept2) ?? "";
    if (text !== this.#storage.read()) this.#storage.write(text);
  }
  forget() {
    this.#storage.write("");
  }
};
export {
  Host,
  LastUser,
  fireTimer,
  pushCommand,
  readOptions,
  rustApp
};
