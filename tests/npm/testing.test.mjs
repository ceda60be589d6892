import assert from "node:assert/strict";
import { test } from "node:test";

import { createSession, createTestSession, SessionEnded } from "nolapse/testing";

/** The user of these tests. */
const ADA = { id: "1" };

test("a session that begins unknown waits for its first answer, which the test lets come", async () => {
  const session = createTestSession({ user: ADA, unknown: true });
  /** @type {string[]} */
  const states = [];
  session.subscribe(({ state }) => states.push(state));

  await session.test.advance(0);

  assert.deepEqual(states, ["unknown", "signed-in"]);
  assert.equal(session.test.refreshes, 1);
});

test("P29 an unknown session of nobody ends signed out, without a reason and without an event", async () => {
  const session = createTestSession({ unknown: true });
  let ended = 0;
  session.on("signed-out", () => ended++);

  await assert.rejects(session.getToken(), { code: "signed_out", reason: null });

  assert.deepEqual(session.status, { state: "signed-out", reason: null, serverTold: true, degraded: false });
  assert.equal(ended, 0);
});

test("P01 the token is renewed at 50 seconds of 60, and at five sixths of a shorter life", async () => {
  for (const [life, due] of /** @type {const} */ ([
    [60, 50],
    [9, 7.5],
    [3_600, 3_590],
  ])) {
    const session = createTestSession({ user: ADA, life });

    await session.test.advance(due - 0.001);
    assert.equal(session.test.refreshes, 0, `${life} s`);
    await session.test.advance(0.001);
    assert.equal(session.test.refreshes, 1, `${life} s`);
  }
});

test("a clock of the test's own decides what is old", async () => {
  let now = 1_000_000;
  const session = createTestSession({ user: ADA, now: () => now });
  const token = await session.getToken();
  assert.equal(session.expiresIn, 58.5);

  now += 30_000;
  assert.equal(await session.getToken(), token);
  now += 30_000;

  assert.equal(session.expiresIn, 0);
  assert.notEqual(await session.getToken(), token);
});

test("P09 P10 trouble is retried ever more rarely, and ends nothing; mended, all is well at once", async () => {
  const session = createTestSession({ user: ADA });
  session.test.fail("network");

  await session.test.advance(3_600);
  const asked = session.test.refreshes;
  assert.ok(asked > 10 && asked < 100, `${asked} refreshes`);
  assert.equal(session.status.degraded, "network");
  await assert.rejects(session.getToken(), { code: "unreachable", failure: "network" });
  session.test.fail(null);

  assert.match(await session.getToken(), /^test-token-/);
  assert.deepEqual([session.status.state, session.status.degraded], ["signed-in", false]);
});

/** How a call stands: its outcome, or that it waits. @param {Promise<string>} call */
async function standing(call) {
  const settled = call.then(
    () => "served",
    ({ code }) => code,
  );
  // What is settled by now comes first.
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([settled, Promise.resolve("waits")]);
}

for (const cause of /** @type {const} */ (["network", "timeout", "server_error", "rate_limited"])) {
  test(`P49 a call waits through ${cause} for 25 seconds of trouble, and is served once it ends`, async () => {
    const session = createTestSession({ user: ADA });
    session.test.fail(cause);
    await session.test.advance(60);
    const [early, other] = [session.getToken(), session.getToken()];
    assert.equal(await standing(early), "waits");

    // The first failure was at 50 seconds.
    await session.test.advance(14.9);
    assert.equal(await standing(early), "waits");
    await session.test.advance(0.2);
    const code = cause === "timeout" ? "timeout" : "unreachable";
    assert.deepEqual(await Promise.all([standing(early), standing(other)]), [code, code]);
    assert.equal(await standing(session.getToken()), code);
    session.test.fail(null);
    assert.equal(await standing(session.getToken()), "served");

    session.test.fail(cause);
    await session.test.advance(60);
    const late = session.getToken();
    assert.equal(await standing(late), "waits");
    session.test.fail(null);
    assert.equal(await standing(late), "served");
  });
}

test("P49 what waiting does not mend is told at once", async () => {
  for (const cause of /** @type {const} */ (["misconfigured", "unexpected_answer"])) {
    const session = createTestSession({ user: ADA });
    session.test.fail(cause);
    await session.test.advance(60);
    await assert.rejects(session.getToken(), { failure: cause });
  }
});

test("P49 a caller that waits is told of a sign-out", async () => {
  const session = createTestSession({ user: ADA });
  session.test.fail("server_error");
  await session.test.advance(60);
  const call = session.getToken();
  assert.equal(await standing(call), "waits");
  session.test.end("revoked");
  await assert.rejects(call, { code: "signed_out", reason: "revoked" });
});

test("P18 a sign-out without a network holds at once, and the server is told when it can be", async () => {
  const session = createTestSession({ user: ADA });
  session.test.fail("offline");

  assert.deepEqual(await session.signOut(), { serverTold: false });
  assert.deepEqual(session.status, { state: "signed-out", reason: "signed_out", serverTold: false, degraded: false });
  session.test.fail(null);

  assert.deepEqual(session.status, { state: "signed-out", reason: "signed_out", serverTold: true, degraded: false });
});

test("the app's own functions are called in the place of the auth server", async () => {
  /** @type {unknown[]} */
  const calls = [];
  const session = await createSession({
    auth: {
      refresh: async ({ reason, signal }) => {
        calls.push(reason, signal.aborted);
        if (calls.length > 2) throw new SessionEnded("idle");
        return { accessToken: "own", expiresIn: 60, session: { id: "s", user: ADA } };
      },
      signOut: async ({ everywhere }) => {
        calls.push(everywhere);
      },
    },
  });
  assert.equal(session.status.state, "signed-out");

  await session.refresh();
  assert.equal(await session.getToken(), "own");
  await assert.rejects(session.refresh({ force: true }), { code: "signed_out", reason: "idle" });
  session.test.signIn(ADA);
  await session.signOut({ everywhere: true });

  assert.deepEqual(calls, ["force", false, "force", false, true]);
});

test("P25 a caller who gives up leaves the others and the refresh alone", async () => {
  /** @type {() => void} */
  let answer = () => {};
  const session = createTestSession({
    user: ADA,
    auth: {
      refresh: () => new Promise((resolve) => (answer = () => resolve({ accessToken: "late", expiresIn: 60 }))),
    },
  });
  const end = new AbortController();
  const reason = new RangeError("enough");

  const first = session.refresh({ signal: end.signal });
  const second = session.refresh();
  end.abort(reason);
  await assert.rejects(first, reason);
  answer();
  await second;

  assert.equal(await session.getToken(), "late");
  assert.equal(session.test.refreshes, 1);
});

test("there are no timers, and no network unless the test gives one", async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const session = createTestSession({ user: ADA, apis: ["https://api.example.com"] });

  await assert.rejects(session.fetch("https://api.example.com/notes"), TypeError);

  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
});
