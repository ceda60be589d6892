/** The members of a call, one at a time, by the platform's `fetch` and by `session.fetch`. Runs on pages. */

/** @param {string} name */
async function openHere(name) {
  /** @type {typeof import("nolapse")} */
  const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
  const refresh = async () => ({ access_token: "token", expires_in: 3_600 });
  const session = createSession({ auth: { refresh }, storageKey: name });
  await session.ready;
  await session.refresh();
  return session;
}

/** More than requests with `keepalive` may have (Fetch, "HTTP-network-or-cache fetch": 64 KiB). */
const TOO_MUCH = "x".repeat(65_537);

/** @type {Record<string, Record<string, unknown>>} */
const MEMBERS = {
  nothing: {},
  "a method": { method: "put", body: "text" },
  headers: { headers: { "x-own": "1" } },
  "priority high": { priority: "high" },
  "priority low": { priority: "low" },
  "priority auto": { priority: "auto" },
  "priority of a POST": { priority: "low", method: "POST", body: "text" },
  "priority of a kept POST": { priority: "low", method: "POST", body: "text", keepalive: true },
  "no priority": { priority: "none" },
  duplex: { duplex: "half", method: "POST", body: "text" },
  "no duplex": { duplex: "full" },
  integrity: { integrity: `sha256-${"A".repeat(43)}=` },
  "integrity that is none": { integrity: "none" },
  referrer: { referrer: "/another/page?q=1" },
  "referrer of a kept call": { referrer: "/another/page", keepalive: true },
  "no referrer": { referrer: "" },
  "no referrer of a kept call": { referrer: "", keepalive: true },
  "referrer of another origin": { referrer: "https://elsewhere.example/" },
  "policy origin": { referrerPolicy: "origin" },
  "policy no-referrer": { referrerPolicy: "no-referrer" },
  "policy of a kept call": { referrerPolicy: "origin", keepalive: true },
  "policy and referrer of a kept call": { referrerPolicy: "unsafe-url", referrer: "/page?q=1", keepalive: true },
  "cache no-store": { cache: "no-store" },
  "cache reload": { cache: "reload" },
  "cache no-cache": { cache: "no-cache" },
  "cache force-cache": { cache: "force-cache" },
  "cache of a kept call": { cache: "no-store", keepalive: true },
  "cache only-if-cached": { cache: "only-if-cached", mode: "same-origin" },
  "cache only-if-cached of another mode": { cache: "only-if-cached" },
  "credentials omit": { credentials: "omit" },
  "credentials include": { credentials: "include" },
  "credentials of a kept call": { credentials: "omit", keepalive: true },
  "redirect error": { redirect: "error" },
  "redirect manual": { redirect: "manual" },
  "mode same-origin": { mode: "same-origin" },
  "mode navigate": { mode: "navigate" },
  keepalive: { keepalive: true, method: "POST", body: "text" },
  "keepalive of a form": { keepalive: true, method: "POST", body: new URLSearchParams({ a: "b" }) },
  "keepalive of more than 64 KiB": { keepalive: true, method: "POST", body: TOO_MUCH },
  "keepalive of a form of more than 64 KiB": {
    keepalive: true,
    method: "POST",
    body: new URLSearchParams({ a: TOO_MUCH }),
  },
  "keepalive of bytes of more than 64 KiB": {
    keepalive: true,
    method: "POST",
    body: new TextEncoder().encode(TOO_MUCH),
  },
  "a body of more than 64 KiB": { method: "POST", body: TOO_MUCH },
  window: { window: null },
};

/**
 * Plays each member three ways, and returns the outcomes: a status or an error's name.
 *
 * @param {string} foreign an origin of somebody else
 * @returns {Promise<[name: string, native: string, options: string, request: string][]>}
 */
export async function compareMembers(foreign) {
  Object.assign(document, { cookie: "seen=1" });
  const session = await openHere("members");
  /** @type {[string, Record<string, unknown>, string][]} */
  const all = Object.entries(MEMBERS).map(([name, init]) => [name, init, ""]);
  all.push(["mode same-origin elsewhere", { mode: "same-origin" }, foreign]);
  /** @type {[string, string, string, string][]} */
  const outcomes = [];
  for (const [i, [name, init, origin]] of all.entries()) {
    const url = (/** @type {string} */ side) => `${origin}/members/${i}/${side}`;
    const outcome = async (/** @type {() => Promise<Response>} */ call) => {
      try {
        const { status, type } = await call();
        return `${status} ${type}`;
      } catch (error) {
        return error instanceof Error ? error.name : "thrown";
      }
    };
    outcomes.push([
      name,
      await outcome(() => fetch(url("native"), init)),
      await outcome(() => session.fetch(url("options"), init)),
      await outcome(async () => session.fetch(new Request(url("request"), init))),
    ]);
  }
  session.close();
  return outcomes;
}

/**
 * The number of microtasks until a promise is rejected, and its reason.
 *
 * @param {() => Promise<unknown>} call
 */
async function refusalOf(call) {
  /** @type {unknown} */
  let thrown;
  let isOver = false;
  const end = (/** @type {unknown} */ error) => {
    thrown = error;
    isOver = true;
  };
  call().then(end, end);
  let microtasks = 0;
  while (!isOver && microtasks < 1_000) {
    await undefined;
    microtasks++;
  }
  return { microtasks, thrown: thrown instanceof Error ? thrown.name : String(thrown) };
}

/** Compares calls that are rejected before anything is sent. */
export async function compareRefusals() {
  const session = await openHere("refusals");
  /** @type {Record<string, () => any[]>} */
  const cases = {
    "no argument": () => [],
    "an aborted signal": () => ["/refused", { signal: AbortSignal.abort("enough") }],
    "an aborted signal of a Request": () => [new Request("/refused", { signal: AbortSignal.abort("enough") })],
    "an aborted signal without a reason": () => ["/refused", { signal: AbortSignal.abort() }],
    "an aborted signal and a body": () => [
      "/refused",
      { method: "POST", body: "x", signal: AbortSignal.abort("enough") },
    ],
    "a method that is none": () => ["/refused", { method: "a b" }],
    "a URL that is none": () => ["https://"],
    "a body of a GET": () => ["/refused", { body: "x" }],
    "a symbol": () => [Symbol("refused")],
  };
  /** @type {[string, unknown, unknown][]} */
  const refusals = [];
  for (const [name, given] of Object.entries(cases)) {
    const native = await refusalOf(() => fetch(.../** @type {[any]} */ (given())));
    const ours = await refusalOf(() => session.fetch(.../** @type {[any]} */ (given())));
    refusals.push([name, native, ours]);
  }
  const shape = { length: session.fetch.length, name: session.fetch.name };
  session.close();
  return { refusals, shape };
}
