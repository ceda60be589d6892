/** Calls whose arguments run code of the caller's while the platform converts them. Runs on pages. */

import { dice, FOREIGN, LISTED, openRecorded } from "./world.mjs";

/**
 * One call's arguments, created for each side of the comparison, and how often each of their parts was read.
 *
 * @typedef {object} Hostile
 * @property {any} input
 * @property {any} init
 * @property {Map<string, number>} reads
 */

/** The bases that the getter of one part sets. */
const BASES = ["", `${FOREIGN}/`, `${LISTED}/`];
const PARTS = [
  "body",
  "cache",
  "credentials",
  "headers",
  "method",
  "mode",
  "priority",
  "redirect",
  "referrer",
  "signal",
];
const INPUTS = [
  "relative",
  "listed",
  "foreign",
  "url",
  "text object",
  "fickle",
  "symbol",
  "request",
  "subclass",
  "own url",
  "proxy",
];
const INITS = ["none", "getters", "proxy", "virtual proxy", "class", "iterator", "values"];

/** @param {string} href nothing takes the base away */
function moveBase(href) {
  for (const base of [...document.querySelectorAll("base")]) base.remove();
  if (!href) return;
  const base = document.createElement("base");
  base.href = href;
  document.head.append(base);
}

/**
 * @param {string} kind
 * @param {() => void} act runs while the input is converted, if the conversion calls code of the page
 * @returns {unknown}
 */
function inputOf(kind, act) {
  const lie = { get: () => `${LISTED}/lie`, configurable: true };
  const foreign = () => new Request(`${FOREIGN}/request`, { method: "PUT", body: "of a request" });
  let asked = 0;
  switch (kind) {
    case "relative":
      return "/relative?q=1";
    case "listed":
      return `${LISTED}/listed`;
    case "foreign":
      return `${FOREIGN}/foreign`;
    case "url":
      return new URL(`${LISTED}/url`);
    case "text object":
      return {
        toString() {
          act();
          return "/text";
        },
      };
    case "fickle":
      // On the list only at the second read.
      return { [Symbol.toPrimitive]: () => (asked++ ? `${LISTED}/second` : `${FOREIGN}/first`) };
    case "symbol":
      return Symbol("url");
    case "request":
      return new Request("/request", { method: "PUT", body: "of a request" });
    case "subclass": {
      class Liar extends Request {
        /** @override */
        get url() {
          return `${LISTED}/lie`;
        }
      }
      return new Liar(`${FOREIGN}/subclass`);
    }
    case "own url":
      return Object.defineProperty(foreign(), "url", lie);
    default:
      return new Proxy(foreign(), {
        get: (target, name) => (name === "url" ? `${LISTED}/lie` : Reflect.get(target, name)),
      });
  }
}

/**
 * @param {string} kind
 * @param {(part: string) => void} read called for each part that is read
 * @param {boolean} hasBody
 */
function initOf(kind, read, hasBody) {
  /** @type {Record<string, unknown>} */
  const values = { method: "PATCH", headers: { "x-own": "mine" }, cache: "no-store", redirect: "follow", mode: "cors" };
  const hand = (/** @type {string} */ part, /** @type {unknown} */ value) => {
    read(part);
    return value;
  };
  if (hasBody) values.body = { toString: () => hand("text of the body", "a body") };
  const get = (/** @type {string} */ name) => hand(name, values[name]);
  /** @type {Record<string, unknown>} */
  const getters = {};
  for (const name of PARTS) Object.defineProperty(getters, name, { get: () => get(name), enumerable: true });
  const trap = (/** @type {object} */ _target, /** @type {string | symbol} */ name) => get(String(name));
  switch (kind) {
    case "none":
      return undefined;
    case "getters":
      return getters;
    case "proxy":
      return new Proxy(values, { get: trap });
    case "virtual proxy":
      return new Proxy({}, { get: trap });
    case "class":
      return Object.create(getters);
    case "iterator":
      return { method: "PATCH", headers: { [Symbol.iterator]: () => [["x-own", hand("headers", "mine")]].values() } };
    default:
      return { ...values, headers: { "x-own": { toString: () => hand("headers", "mine") } } };
  }
}

/**
 * Plays random calls with `session.fetch` and with the platform's `fetch`: the same request must be sent, each part read
 * as often, with the token if the request goes to a listed origin, and only then.
 *
 * @param {number} seed
 * @param {number} rounds
 */
export async function compareConversions(seed, rounds) {
  const { session, recorder } = await openRecorded();
  await session.refresh();
  const draw = dice(seed);
  const pick = (/** @type {string[]} */ from) => from[draw(from.length)] ?? "";
  const failures = [];
  const seen = { borne: 0, bare: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const [input, init, at, before, after] = [pick(INPUTS), pick(INITS), pick(PARTS), pick(BASES), pick(BASES)];
    const hasBody = draw(2) === 0;
    const play = async (/** @type {typeof fetch} */ call) => {
      moveBase(before);
      /** @type {Map<string, number>} */
      const reads = new Map();
      const act = () => moveBase(after);
      const read = (/** @type {string} */ part) => {
        reads.set(part, (reads.get(part) ?? 0) + 1);
        if (part === at) act();
      };
      const given = [inputOf(input, act), initOf(init, read, hasBody)];
      const error = await call(.../** @type {[any]} */ (given)).then(
        () => "",
        (error) => error.name,
      );
      const [sent] = await recorder.take();
      return { error, sent, reads: JSON.stringify([...reads]) };
    };
    const native = await play(recorder.fetch);
    const ours = await play(session.fetch);
    const place = native.sent && new URL(native.sent.url).origin;
    const expected = place === LISTED || place === location.origin ? "Bearer token.1" : null;
    const token = ours.sent?.authorization ?? null;
    const isSame =
      JSON.stringify({ ...ours, sent: { ...ours.sent, authorization: null } }) ===
      JSON.stringify({ ...native, sent: { ...native.sent, authorization: null } });
    if (!isSame || token !== expected) failures.push({ round, input, init, at, before, after, native, ours });
    seen[native.error ? "refused" : expected ? "borne" : "bare"]++;
  }
  moveBase("");
  session.close();
  return { failures: failures.slice(0, 3), seen };
}

/** Calls that change the base during their conversion, by name; `move` returns its argument. */
const MOVES = /** @type {Record<string, (move: (value?: unknown) => any) => [any, any?]>} */ ({
  "a getter of the options": (move) => ["/path", lazy("method", () => move("GET"))],
  "a getter of the headers": (move) => ["/path", lazy("headers", () => move({}))],
  "a getter of the signal": (move) => ["/path", lazy("signal", move)],
  "a getter of the body": (move) => [
    "/path",
    Object.assign(
      lazy("body", () => move("x")),
      { method: "POST" },
    ),
  ],
  "a getter of the priority": (move) => ["/path", lazy("priority", () => move("high"))],
  "a getter of a prototype": (move) => ["/path", Object.create(lazy("cache", () => move("default")))],
  "a proxy of the options": (move) => ["/path", new Proxy({}, { get: () => move() })],
  "a proxy of headers": (move) => ["/path", { headers: new Proxy({}, { ownKeys: () => move([]) }) }],
  "an iterator of headers": (move) => [
    "/path",
    { headers: { [Symbol.iterator]: () => move([["x-own", "1"]]).values() } },
  ],
  "the text of a header": (move) => ["/path", { headers: { "x-own": { toString: () => move("1") } } }],
  "the text of the body": (move) => ["/path", { method: "POST", body: { toString: () => move("x") } }],
  "the text of the method": (move) => ["/path", { method: { toString: () => move("GET") } }],
  "the text of the input": (move) => [{ toString: () => move("/path") }],
  "the primitive of the input": (move) => [{ [Symbol.toPrimitive]: () => move("/path") }],
});

/**
 * @param {string} name
 * @param {() => unknown} get
 */
function lazy(name, get) {
  return Object.defineProperty({}, name, { get, enumerable: true });
}

/** Makes each call while the base changes from the page's origin to a foreign one. */
export async function moveWhileConverting() {
  const { session, recorder } = await openRecorded();
  await session.refresh();
  /** @type {Record<string, [string, string | null][]>} */
  const seen = {};
  for (const [name, call] of Object.entries(MOVES)) {
    moveBase("");
    const [input, init] = call((value) => {
      moveBase(`${FOREIGN}/`);
      return value;
    });
    await session.fetch(input, init);
    seen[name] = (await recorder.take()).map(({ url, authorization }) => [new URL(url).origin, authorization]);
  }
  moveBase("");
  session.close();
  return { seen, foreign: FOREIGN, own: location.origin };
}

/** Makes calls that wait for a token, and changes base and address meanwhile: their URLs do not change. */
export async function moveWhileWaiting() {
  /** @type {(nothing: void) => void} */
  let open = () => {};
  const gate = new Promise((/** @type {typeof open} */ resolve) => {
    open = resolve;
  });
  const refresh = () => gate.then(() => ({ access_token: "token.1", expires_in: 3_600 }));
  const { session, recorder } = await openRecorded({ auth: { refresh }, storageKey: "waiting" });
  await session.setTokens({ access_token: "token.0", expires_in: 60 });
  // A suspension of ten minutes.
  const { now } = Date;
  Date.now = () => now() + 600_000;
  const calls = [session.fetch("/own"), session.fetch(`${LISTED}/listed`)];
  history.pushState(null, "", "/elsewhere/");
  moveBase(`${FOREIGN}/`);
  open();
  await Promise.all(calls);
  moveBase("");
  session.close();
  return (await recorder.take()).map(({ url, authorization }) => [url.replace(location.origin, "own"), authorization]);
}
