/** A session on a page with a polluted `Object.prototype`. Runs on pages. */

import { LISTED, nextMillisecond, openRecorded } from "./world.mjs";

const EVIL = "https://evil.example";

/** What would do most harm under that name, where it were believed. @type {Record<string, unknown>} */
const HARM = {
  auth: EVIL,
  refresh: `${EVIL}/refresh`,
  signOut: `${EVIL}/sign-out`,
  allowedOrigins: [EVIL],
  wasm: `${EVIL}/evil.wasm`,
  timeoutMs: 1,
  storageKey: "evil",
  server: EVIL,
  minValidityMs: 1e9,
  signal: AbortSignal.abort("polluted"),
  force: true,
  everywhere: true,
  token_type: "mac",
  tokenType: "mac",
  expires_in: 2,
  expiresIn: 2,
  refresh_in: 1,
  refreshIn: 1,
  session: { id: "evil", user: { id: "evil" } },
  error: "session_ended",
  reason: "revoked",
  retryInMs: 7,
  method: "DELETE",
  headers: { authorization: "evil" },
  body: "evil",
  mode: "no-cors",
  credentials: "omit",
  cache: "only-if-cached",
  redirect: "manual",
  referrer: "",
  referrerPolicy: "no-referrer",
  keepalive: true,
  integrity: "sha256-AAAA",
  window: null,
  once: true,
  steal: true,
  ifAvailable: true,
  isTooLarge: true,
  retryAfter: 600,
  status: 200,
  signIn: () => ({ access_token: "evil", expires_in: 60 }),
  problem: "evil",
  error_description: "evil",
  locks: {},
  version: 1,
  token: "evil",
  value: new Uint8Array(1),
  get: () => "evil",
  set: () => {},
};

/** Names that have two meanings: each is played in a round of its own. @type {Record<string, unknown>[]} */
const ROUNDS = [{ name: "evil" }, { name: "SessionEnded", mode: "shared", id: "evil", sub: "evil" }];

/** @param {object} claims */
function jwt(claims) {
  return `h.${btoa(JSON.stringify(claims))}.s`;
}

/** @param {Promise<unknown>} promise */
async function outcome(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    if (!(error instanceof Error)) return { thrown: String(error) };
    const own = Object.fromEntries(Object.entries(error).filter(([name]) => name !== "stack" && name !== "cause"));
    // Pauses are random, and never those of the pollution.
    const retryInMs = own.retryInMs === null || own.retryInMs === HARM.retryInMs ? own.retryInMs : "drawn";
    return { thrown: error.name, ...own, retryInMs, hasCause: Object.hasOwn(error, "cause") };
  }
}

/** The options of calls to the platform, as it reads them. */
function watchPlatform() {
  /** @type {unknown[]} */
  const asked = [];
  const { addEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const given = /** @type {AddEventListenerOptions} */ (typeof options === "object" ? options : {});
    asked.push(["listen", type, given.once === true, given.capture === true, given.signal?.aborted === true]);
    return addEventListener.call(this, type, listener, options);
  };
  const { request } = LockManager.prototype;
  LockManager.prototype.request = /** @type {typeof request} */ (
    (/** @type {any} */ ...given) => {
      const [, options] = given;
      asked.push(["lock", options.mode, options.steal === true, options.ifAvailable === true]);
      return Reflect.apply(request, navigator.locks, given);
    }
  );
  const end = () => {
    EventTarget.prototype.addEventListener = addEventListener;
    LockManager.prototype.request = request;
  };
  return { asked, end };
}

/**
 * @param {typeof import("nolapse")} nolapse
 * @param {string} key tells this life's sessions from another's
 */
async function live(nolapse, key) {
  const { createSession, isSessionError, SessionError } = nolapse;
  /** @type {Record<string, unknown>} */
  const seen = {};
  let mark = `nolapse:${key}-own`;

  const { session, recorder } = await openRecorded({ storageKey: `${key}-own` });
  seen.refreshed = await outcome(session.refresh({}));
  seen.token = await outcome(session.getToken());
  seen.tokenOf = await outcome(session.getToken({}));
  recorder.answer = ({ headers }) =>
    new Response("", { status: headers.get("authorization") === "Bearer token.1" ? 401 : 200 });
  seen.called = await outcome(
    session.fetch(`${LISTED}/x`, own({ method: "POST", body: "text" })).then(({ status }) => status),
  );
  await session.fetch(`${EVIL}/x`);
  seen.sent = await recorder.take();
  seen.tokens = await outcome(session.setTokens(own({ access_token: jwt({ iat: 0, exp: 60 }) })));
  seen.isLong = session.expiresIn > 50;
  seen.user = session.status;
  seen.refused = await outcome(session.setTokens(/** @type {never} */ ({})));
  const controller = new AbortController();
  const waiting = outcome(session.refresh(own({ signal: controller.signal })));
  controller.abort("enough");
  seen.aborted = await waiting;
  seen.signedOut = await outcome(session.signOut());
  seen.still = localStorage.getItem(mark) !== null;
  session.close();

  // Failures of the app's refresher: it may throw anything, and nothing of it ends the session.
  for (const [i, thrown] of [{}, "text", new Error("passing"), null].entries()) {
    const failing = await openRecorded({ auth: { refresh: () => Promise.reject(thrown) }, storageKey: `${key}-${i}` });
    await failing.session.setTokens(own({ access_token: "kept", expires_in: 60 }));
    const {
      thrown: error,
      code,
      reason,
    } = /** @type {Record<string, unknown>} */ (await outcome(failing.session.refresh()));
    seen[`failure ${i}`] = [error, code, reason, failing.session.status.state];
    failing.session.close();
  }

  // The reference protocol, with responses without optional members.
  mark = `${key}-server`;
  const remote = await openRecorded({ auth: location.origin, storageKey: mark });
  await remote.session.setTokens(own({ access_token: "kept", expires_in: 60 }));
  for (const [i, [status, body]] of /** @type {const} */ ([
    [401, "{}"],
    [200, "{}"],
    [200, ""],
    [401, "null"],
    [503, "{}"],
  ]).entries()) {
    nextMillisecond();
    remote.recorder.answer = () => new Response(body, { status });
    const came = await outcome(remote.session.refresh(own({ force: true })));
    const asked = (await remote.recorder.take()).map(({ url, method, body }) => [url, method, body]);
    seen[`answer ${i}`] = [came, asked, remote.session.status];
  }
  remote.session.close();

  seen.misconfigured = await outcome(attempt(() => createSession(/** @type {never} */ ({}))));
  seen.nested = await outcome(attempt(() => createSession({ auth: /** @type {never} */ ({}) })));
  seen.error = await outcome(Promise.reject(new SessionError("closed", "made by hand")));
  seen.kinds = [
    isSessionError(new Error("any")),
    isSessionError(Object.assign(new Error("any"), { name: "SessionError" }), "closed"),
  ];
  return seen;
}

/** Returns what a function throws as a rejection. @param {() => unknown} work */
async function attempt(work) {
  return work();
}

/** An object that a careful app makes. @template {object} T @param {T} members @returns {T} */
function own(members) {
  return Object.assign(Object.create(null), members);
}

/**
 * Plays the same session on a clean page and on polluted ones.
 *
 * @param {readonly string[]} names every member of every option and message
 */
export async function compareLives(names) {
  /** @type {typeof import("nolapse")} */
  const nolapse = await import(/** @type {string} */ ("/nolapse/index.js"));
  const play = async (/** @type {string} */ key) => {
    const platform = watchPlatform();
    try {
      // Keys differ, so that no session reads the record of another.
      return JSON.stringify([await live(nolapse, key), platform.asked], undefined, 1).replaceAll(key, "life");
    } finally {
      platform.end();
    }
  };
  const clean = await play("clean");
  const polluted = [];
  for (const [i, round] of ROUNDS.entries()) {
    const members = { ...Object.fromEntries(names.map((name) => [name, "polluted"])), ...HARM, ...round };
    for (const [name, value] of Object.entries(members)) {
      Object.defineProperty(Object.prototype, name, own({ value, configurable: true, writable: true }));
    }
    try {
      polluted.push(await play(`round${i}`));
    } finally {
      for (const name of Object.keys(members)) Reflect.deleteProperty(Object.prototype, name);
    }
  }
  return { clean, polluted };
}
