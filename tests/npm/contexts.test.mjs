import assert from "node:assert/strict";
import { test } from "node:test";

import { createTestSession } from "nolapse/testing";

/** The user of these tests. */
const ADA = { id: "1" };
const API = "https://api.test";

/**
 * A session whose calls are recorded.
 *
 * @param {import("nolapse/testing").TestSessionOptions<typeof ADA>} options
 * @param {(request: Request) => number} [status]
 */
function recorded(options, status = () => 200) {
  /** @type {(string | null)[]} */
  const sent = [];
  const session = createTestSession({
    user: ADA,
    allowedOrigins: [API],
    fetch: async (input) => {
      const request = /** @type {Request} */ (input);
      sent.push(request.headers.get("authorization"));
      return new Response(null, { status: status(request) });
    },
    ...options,
  });
  return { session, sent };
}

test("line10 every call of a session with a context has its token, and none waits", async () => {
  const { session, sent } = recorded({ context: "org_1" });

  await session.fetch(API);
  assert.equal(await session.getToken(), "test-token-1-org_1");
  await session.test.advance(50_000);
  await session.fetch(API);

  assert.deepEqual(sent, ["Bearer test-token-1-org_1", "Bearer test-token-2-org_1"]);
  assert.equal(session.test.refreshes, 1);
});

test("line10 a call in another context waits once, and the background refresh then brings both", async () => {
  const { session, sent } = recorded({});

  await session.fetch(API, { context: "org_1" });
  await session.fetch(API, { context: "org_1" });
  await session.fetch(API);
  assert.equal(session.test.refreshes, 1);
  await session.test.advance(50_000);
  assert.equal(session.test.refreshes, 2);
  await session.fetch(API, { context: "org_1" });

  assert.equal(session.test.refreshes, 2);
  const tokens = ["test-token-2-org_1", "test-token-2-org_1", "test-token-2", "test-token-3-org_1"];
  assert.deepEqual(
    sent,
    tokens.map((token) => `Bearer ${token}`),
  );
});

test("line10 an empty context is none, also in a session that has one", async () => {
  const { session, sent } = recorded({ context: "org_1" });
  await session.fetch(API, { context: "" });
  assert.equal(await session.getToken({ context: "" }), "test-token-1");
  assert.deepEqual(sent, ["Bearer test-token-1"]);
});

test("line10 a refused context is a typed error, and other calls go on", async () => {
  const { session, sent } = recorded({ contexts: ["org_1"] });

  for (let n = 0; n < 10; n++) {
    await assert.rejects(session.fetch(API, { context: "org_2" }), { code: "context_refused" });
    await assert.rejects(session.getToken({ context: "org_2" }), { code: "context_refused" });
  }
  assert.equal(session.test.refreshes, 1);
  await session.fetch(API);
  await session.fetch(API, { context: "org_2", authorization: "best_effort" });

  assert.deepEqual(sent, ["Bearer test-token-2", null]);
});

test("line10 a token that an API rejects is replaced by one of its context", async () => {
  let calls = 0;
  const { session, sent } = recorded({ context: "org_1" }, () => (++calls === 1 ? 401 : 200));
  const { status } = await session.fetch(API);
  assert.equal(status, 200);
  assert.deepEqual(sent, ["Bearer test-token-1-org_1", "Bearer test-token-2-org_1"]);
});

test("line10 a refresher of the app's own is given the contexts, and one that ignores them gives no other token", async () => {
  /** @type {(readonly string[])[]} */
  const asked = [];
  const heeds = createTestSession({
    storageKey: "heeds",
    auth: {
      refresh: async ({ contexts }) => {
        asked.push(contexts);
        const granted = contexts.map((name) => [name, { access_token: `token-of-${name}` }]);
        return { access_token: "plain", expires_in: 60, contexts: Object.fromEntries(granted) };
      },
    },
    context: "org_1",
    unknown: true,
  });
  await heeds.refresh();
  assert.equal(await heeds.getToken(), "token-of-org_1");
  assert.equal(await heeds.getToken({ context: "__proto__" }), "token-of-__proto__");
  assert.deepEqual(asked, [["org_1"], ["org_1", "__proto__"]]);

  const ignores = createTestSession({
    storageKey: "ignores",
    auth: { refresh: async () => ({ access_token: "plain", expires_in: 60 }) },
    context: "org_1",
    unknown: true,
  });
  await ignores.refresh();
  await assert.rejects(ignores.getToken(), { code: "context_refused" });
  assert.equal(await ignores.getToken({ context: "" }), "plain");
});

test("line10 a token with a space is none, and an odd response gives no token of a context", async () => {
  for (const contexts of [
    { org_1: { access_token: "a org_2 b" } },
    { org_1: { access_token: 7 } },
    { org_1: "token" },
    { org_1: null },
    [["org_1", "token"]],
    "org_1",
    7,
  ]) {
    const refresh = async () => /** @type {never} */ ({ access_token: "plain", expires_in: 60, contexts });
    const session = createTestSession({ auth: { refresh }, context: "org_1", unknown: true });
    await session.refresh();
    await assert.rejects(session.getToken(), { code: "context_refused" }, JSON.stringify(contexts));
    await assert.rejects(session.getToken({ context: "org_2" }), { code: "context_refused" });
    assert.equal(await session.getToken({ context: "" }), "plain");
  }
  const refresh = async () => ({ access_token: "plain org_1 forged", expires_in: 60 });
  const session = createTestSession({ auth: { refresh }, unknown: true });
  await assert.rejects(session.refresh(), { failure: "unexpected_answer" });
});

test("line10 a name that is none is refused where it is given", async () => {
  for (const context of ["a b", "a\nb", "ä", "x".repeat(101), 7, {}, []]) {
    const wrong = /** @type {string} */ (context);
    assert.throws(() => createTestSession({ context: wrong }), { code: "misconfigured", option: "context" });
    const { session } = recorded({});
    await assert.rejects(session.fetch(API, { context: wrong }), { code: "misconfigured", option: "context" });
    await assert.rejects(session.getToken({ context: wrong }), { code: "misconfigured", option: "context" });
  }
});
