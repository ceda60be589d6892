import assert from "node:assert/strict";
import { test } from "node:test";

import { createSession, createTestSession } from "nolapse/testing";

/** The user of these tests. */
const ADA = { id: "1", email: "ada@example.org" };

/** What a renderer knows of them, as the HTML has it. */
const INITIAL = /** @type {const} */ ({ state: "signed_in", user: ADA, sessionId: "s1", failure: null });

/** @param {import("nolapse/testing").Session} session */
function watch(session) {
  /** @type {unknown[]} */
  const seen = [];
  session.subscribe((status) => seen.push(status.state === "signed_in" ? status.user : status.state));
  return seen;
}

test("part4 a page that was rendered signed-in is so from its first moment, and refreshes as ever", async () => {
  const session = createTestSession(
    /** @type {import("nolapse/testing").TestSessionOptions} */ ({ initial: INITIAL, user: ADA, unknown: true }),
  );
  const seen = watch(session);
  assert.deepEqual(session.status, INITIAL);

  const token = await session.getToken();

  assert.match(token, /^test-token-/);
  assert.equal(session.test.refreshes, 1);
  assert.ok(seen.every((user) => JSON.stringify(user) === JSON.stringify(ADA)));
  assert.equal(session.status.state, "signed_in");
});

test("part4 the first refresh knows better than the HTML: an end, and another user", async () => {
  const ended = createTestSession(
    /** @type {import("nolapse/testing").TestSessionOptions} */ ({ initial: INITIAL, unknown: true }),
  );
  const bob = { id: "2" };
  const changed = createTestSession(
    /** @type {import("nolapse/testing").TestSessionOptions} */ ({ initial: INITIAL, user: bob, unknown: true }),
  );
  const [seen, users] = [watch(ended), watch(changed)];

  await Promise.all([ended.test.advance(0), changed.test.advance(0)]);

  assert.deepEqual(seen, [ADA, "signed_out"]);
  assert.deepEqual(users, [ADA, bob]);
  // Whoever signs in next has no part of the HTML's user.
  ended.test.signIn(bob);
  await ended.test.fail("network");
  await ended.test.advance(120_000);
  assert.deepEqual(ended.status, { state: "signed_in", user: bob, sessionId: "session-1", failure: "network" });
});

test("part4 while the auth server is away, the page stays as it was rendered, and says so", async () => {
  const session = createTestSession(
    /** @type {import("nolapse/testing").TestSessionOptions} */ ({ initial: INITIAL, user: ADA, unknown: true }),
  );
  await session.test.fail("network");

  await session.test.advance(1_000);

  assert.deepEqual(session.status, { ...INITIAL, failure: "network" });
  await session.test.advance(30_000);
  await assert.rejects(session.getToken(), { code: "unreachable" });
  await session.test.fail(null);
  assert.match(await session.getToken(), /^test-token-/);
  assert.deepEqual([session.status.state, session.status.failure], ["signed_in", null]);
});

test("part4 what is no status is refused, and what is known to nobody changes nothing", () => {
  for (const initial of [null, {}, [], "signed_in", 1, Object.create({ state: "signed_in" })]) {
    assert.throws(() => createSession({ auth: "https://auth.test", initial: /** @type {never} */ (initial) }), {
      code: "misconfigured",
      message: /initial/,
    });
  }
  const unknown = /** @type {const} */ ({ state: "unknown", failure: null, lastUser: null });
  const session = createTestSession({ initial: unknown, unknown: true });
  assert.deepEqual(session.status, unknown);
});
