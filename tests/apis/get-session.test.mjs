import assert from "node:assert/strict";
import { test } from "node:test";

import { SECRET, SERVER_ENV } from "../docs/rendering.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { newBrowser, PAGE, REFRESH } from "./jar.mjs";
import { importServer } from "./package.mjs";

/**
 * Starts an auth server, and a reader of its sessions.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} [env]
 * @param {Partial<import("nolapse/server").SessionReaderOptions>} [options]
 */
async function start(t, env = {}, options = {}) {
  const [server, library] = await Promise.all([startServer(t, { ...SERVER_ENV, ...env }), importServer(t)]);
  /** @param {Partial<import("nolapse/server").SessionReaderOptions>} [changes] */
  const readerWith = (changes = {}) =>
    library.createSessionReader({ issuer: server.auth, audience: server.api, secret: SECRET, ...options, ...changes });
  return { server, library, readerWith, getSession: readerWith().getSession };
}

/** @param {string} cookie @param {Record<string, string>} [headers] */
function request(cookie, headers = {}) {
  return new Request("http://app.example/", { headers: { cookie, ...headers } });
}

/** @param {import("../e2e/harness/server.mjs").Server} server */
async function lookUps(server) {
  const { look_ups_live: live = 0, look_ups_ended: ended = 0 } = await server.counters();
  return live + ended;
}

test("part4 the page cookie says who is signed in without a look-up, and nothing for the page has the token", async (t) => {
  const { server, getSession } = await start(t);
  const browser = await newBrowser(server.auth);

  const session = await getSession(request(browser.header()));

  assert.equal(session.state, "signed_in");
  assert.deepEqual(session.user, { id: session.claims.sub, email: browser.email, role: "member" });
  assert.equal(session.token, browser.get(PAGE));
  assert.equal(session.expiresAt, session.claims.exp * 1_000);
  assert.deepEqual(session.initial, {
    state: "signed_in",
    user: session.user,
    sessionId: session.claims.sid,
    failure: null,
  });
  assert.equal(await lookUps(server), 0);
  const me = await fetch(`${server.api}/me`, { headers: { authorization: `Bearer ${session.token}` } });
  assert.equal(me.status, 200);
});

test("part4 without the page cookie there is one look-up a request, whatever kind of request and however often", async (t) => {
  const { server, getSession } = await start(t, { PAGE_COOKIE: "0" });
  const browser = await newBrowser(server.auth);
  const cookie = browser.header();
  const sources = [
    request(cookie),
    new Headers({ cookie }),
    { headers: { cookie } },
    { headers: new Headers({ cookie }) },
  ];

  for (const [at, source] of sources.entries()) {
    const [first, second] = [getSession(source), getSession(source)];
    assert.equal(first, second);
    const { state, user } = await first;
    assert.equal(state, "signed_in");
    assert.deepEqual({ .../** @type {object} */ (user), id: "" }, { id: "", email: browser.email, role: "member" });
    assert.equal(await getSession(source), await first);
    assert.equal(await lookUps(server), at + 1);
  }
  const { refreshes_rotated: rotated = 0 } = await server.counters();
  assert.equal(rotated, 0);
});

test("part4 whatever cookies a request has, it is read for their owner or for nobody", async (t) => {
  const { server, getSession } = await start(t);
  const [mine, other] = [await newBrowser(server.auth), await newBrowser(server.auth)];
  const [refresh, page, otherPage] = [mine.get(REFRESH), mine.get(PAGE), other.get(PAGE)];
  const ten = Array.from({ length: 10 }, (_, at) => `c${at}=${"x".repeat(at)}`).join("; ");
  const forged = `${page.slice(0, -8)}AAAAAAAA`;
  /** @type {[cookie: string, email: string | undefined, lookUps: number][]} */
  const table = [
    ["", undefined, 0],
    [ten, undefined, 0],
    [`${ten}; ${PAGE}=${page}; ${REFRESH}=${refresh}`, mine.email, 0],
    // Of the user who was here before: the refresh cookie says who it is now.
    [`${PAGE}=${otherPage}; ${REFRESH}=${refresh}`, mine.email, 1],
    [`${PAGE}=${page}; ${PAGE}=${otherPage}; ${REFRESH}=${refresh}`, mine.email, 1],
    [`${PAGE}=${page}; ${PAGE}=${otherPage}`, undefined, 0],
    [`${PAGE}=${forged}; ${REFRESH}=${refresh}`, mine.email, 1],
    [`${PAGE}=${forged}`, undefined, 0],
    [`${PAGE}=${page}`, mine.email, 0],
    [`${PAGE}=; ${REFRESH}=`, undefined, 0],
    [`${REFRESH}=${refresh}; ${REFRESH}=${other.get(REFRESH)}`, undefined, 0],
    [`${REFRESH}=${"A".repeat(96)}`, undefined, 1],
    [`x${PAGE}=${page}; ${REFRESH}x=${refresh}; ${PAGE}`, undefined, 0],
    [`;;=;${"=".repeat(5_000)}`, undefined, 0],
  ];
  for (const [cookie, email, asked] of table) {
    const before = await lookUps(server);
    const { state, user } = await getSession({ headers: { cookie } });
    assert.equal(state, email === undefined ? "signed_out" : "signed_in", cookie.slice(0, 80));
    assert.equal(/** @type {{ email: string } | null} */ (user)?.email, email, cookie.slice(0, 80));
    assert.equal((await lookUps(server)) - before, asked, cookie.slice(0, 80));
  }
});

test("part4 a session that has ended is signed out with its reason, and a page cookie ends with its token", async (t) => {
  const { server, getSession } = await start(t);
  const browser = await newBrowser(server.auth);
  const [cookie, page] = [browser.header(), browser.get(PAGE)];
  await browser.post("/auth/sign-out", {});

  const byRefresh = await getSession(request(`${REFRESH}=${cookie.split(`${REFRESH}=`)[1]?.split(";")[0]}`));
  const byPage = await getSession(request(`${PAGE}=${page}`));
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 60_000 });
  const late = await getSession(request(`${PAGE}=${page}`));

  assert.equal(browser.header().includes(PAGE), false);
  assert.deepEqual([byRefresh.state, "reason" in byRefresh && byRefresh.reason], ["signed_out", "signed_out"]);
  // Whoever kept the cookie has it for the life of its token, as any other token.
  assert.equal(byPage.state, "signed_in");
  assert.equal(late.state, "signed_out");
});

test("part4 an outage of the auth server is unknown, and no end of a session whose token is good", async (t) => {
  const { server, getSession, readerWith } = await start(t, { TOKEN_LIFE_SECONDS: "5" }, { timeoutMs: 500 });
  const browser = await newBrowser(server.auth);
  const bare = browser.header([PAGE]);
  // Fetches the keys.
  await getSession(request(browser.header()));
  await browser.refresh();
  const whole = browser.header();
  /** @param {string} cookie @param {Partial<import("nolapse/server").SessionReaderOptions>} [changes] */
  const read = async (cookie, changes) => {
    const session = await readerWith(changes).getSession(request(cookie));
    return "cause" in session ? session.cause : session.state;
  };

  assert.equal(await read(bare, { secret: SECRET.toLowerCase() }), "misconfigured");
  assert.equal(await read(bare, { secret: undefined }), "misconfigured");
  assert.equal(await read(bare, { audience: server.auth }), "misconfigured");
  assert.equal(await read(bare, { auth: server.api }), "misconfigured");
  assert.equal(await read(bare, { auth: "http://127.0.0.1:1" }), "network");
  assert.equal(await read(bare, { jwks: "http://127.0.0.1:1/" }), "no_keys");
  server.stall();
  // A signal takes its time on a busy machine.
  await until("the server is stalled", async () => (await read(bare)) === "timeout");
  assert.equal(await read(whole), "signed_in");
  server.resume();
  const { user, initial } = await readerWith({ auth: "http://127.0.0.1:1" }).getSession(request(bare));
  assert.equal(user, null);
  assert.deepEqual(initial, { state: "unknown", failure: null, lastUser: null });
});

test("part4 a link of another site renders signed-in by the page cookie, and is unknown without it", async (t) => {
  const { server, getSession } = await start(t);
  const browser = await newBrowser(server.auth);
  // Browsers keep the strict cookie back.
  const [fresh, late] = [browser.header([REFRESH]), browser.header([REFRESH, PAGE])];
  const crossSite = { "sec-fetch-site": "cross-site" };

  const states = await Promise.all([
    getSession(request(fresh, crossSite)),
    getSession(request(late, crossSite)),
    getSession(request(late, { "sec-fetch-site": "same-origin" })),
    getSession(request("", crossSite)),
  ]);

  assert.deepEqual(
    states.map(({ state }) => state),
    ["signed_in", "unknown", "signed_out", "signed_out"],
  );
});

test("part4 each account of a browser is read by its own cookies", async (t) => {
  const { server, readerWith } = await start(t, { ACCOUNT_PATHS: "work" });
  const [main, work] = [await newBrowser(server.auth), await newBrowser(`${server.auth}/work`)];
  const cookie = `${main.header()}; ${work.header()}`;

  for (const [account, email] of [
    [undefined, main.email],
    ["work", work.email],
  ]) {
    for (const sent of [cookie, cookie.replaceAll(/__Host-Http-nolapse-page[^;]*;? ?/g, "")]) {
      const { user } = await readerWith({ account }).getSession(request(sent));
      assert.equal(/** @type {{ email: string } | null} */ (user)?.email, email);
    }
  }
  assert.equal(await lookUps(server), 2);
});

test("part4 a wrong option is refused by its name, and the text has no secret", async (t) => {
  const { createSessionReader } = await importServer(t);
  const good = { issuer: "https://auth.example.com", audience: "https://api.example.com" };
  for (const [option, value] of Object.entries({
    secret: "too short",
    account: "../x",
    timeoutMs: 0,
    auth: "not a URL",
    issuer: "",
  })) {
    assert.throws(
      () => createSessionReader({ ...good, [option]: value }),
      (error) => {
        assert.ok(error instanceof TypeError && error.message.startsWith(option), String(error));
        return !error.message.includes("too short");
      },
    );
  }
});

test("part4 the tokens of contexts are looked up with the session, and one that is refused is left out", async (t) => {
  const { server, readerWith } = await start(t);
  const browser = await newBrowser(server.auth);
  await server.command(["users", "context", browser.email, "org_1", "admin"]);
  await server.command(["users", "context", browser.email, "__proto__", "member"]);
  const contexts = ["org_1", "org_9", "__proto__", "org_1"];
  const { getSession } = readerWith({ contexts });
  const whole = browser.header();

  const session = await getSession(request(whole));

  // The page cookie was good, and has no token of a context.
  assert.equal(await lookUps(server), 1);
  assert.equal(session.state, "signed_in");
  assert.deepEqual(Object.keys(session.contexts).sort(), ["__proto__", "org_1"]);
  assert.ok(Object.isFrozen(session.contexts) && Object.getPrototypeOf(session.contexts) === null);
  const { context, role, sid } = JSON.parse(
    Buffer.from(session.contexts.org_1?.split(".")[1] ?? "", "base64url").toString(),
  );
  assert.deepEqual({ context, role, sid }, { context: "org_1", role: "admin", sid: session.claims.sid });
  assert.equal(session.claims.context, undefined);
  assert.ok(!JSON.stringify(session.initial).includes(session.contexts.org_1 ?? "?"));
  const { refreshes_rotated: rotated = 0 } = await server.counters();
  assert.equal(rotated, 0);

  // Nothing can be looked up: the session is known, the contexts are not.
  const crossSite = await getSession(request(browser.header([REFRESH])));
  const away = await readerWith({ contexts, auth: "http://127.0.0.1:1" }).getSession(request(whole));
  for (const { state, contexts = {} } of [crossSite, away].map((one) => ({ contexts: undefined, ...one })))
    assert.deepEqual([state, Object.keys(contexts)], ["signed_in", []]);
  // None asked for is none looked up.
  const without = await readerWith({ contexts: [] }).getSession(request(whole));
  assert.deepEqual([without.state, "contexts" in without && Object.keys(without.contexts)], ["signed_in", []]);
  assert.equal(await lookUps(server), 1);
});

test("part4 names that are none, too many of them, and contexts without a secret are refused", async (t) => {
  const { createSessionReader } = await importServer(t);
  const good = { issuer: "https://auth.example.com", audience: "https://api.example.com", secret: SECRET };
  const many = Array.from({ length: 17 }, (_, at) => `org_${at}`);
  const wrong = ["org_1", {}, null, 1, [1], [""], ["a b"], ["a\n"], ["é"], ["x".repeat(101)], [undefined], many];
  for (const contexts of wrong)
    assert.throws(
      // @ts-expect-error: what an app without types may do
      () => createSessionReader({ ...good, contexts }),
      (error) => error instanceof TypeError && error.message.startsWith("contexts must be"),
      JSON.stringify(contexts),
    );
  const { secret: _, ...bare } = good;
  assert.throws(
    () => createSessionReader({ ...bare, contexts: ["org_1"] }),
    (error) => error instanceof TypeError && error.message.startsWith("contexts takes a secret"),
  );
  createSessionReader({ ...good, contexts: many.slice(1).concat(many.slice(1)) });
  createSessionReader({ ...good, contexts: ["x".repeat(100), "!", "~"] });
});
