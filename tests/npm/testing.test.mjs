import assert from "node:assert/strict";
import { test } from "node:test";

import { createSession, createTestSession, isSessionError, SessionEnded } from "nolapse/testing";

/** The user of these tests. */
const ADA = { id: "1" };

test("a session that begins unknown waits for its first answer, which the test lets come", async () => {
  const session = createTestSession({ user: ADA, unknown: true });
  /** @type {string[]} */
  const states = [];
  session.subscribe(({ state }) => states.push(state));

  await session.test.advance(0);

  assert.deepEqual(states, ["unknown", "signed_in"]);
  assert.equal(session.test.refreshes, 1);
});

test("P29 a visitor is signed out without a reason, an event or a refresh", async () => {
  const session = createTestSession();
  let ended = 0;
  session.on("signed_out", () => ended++);

  await assert.rejects(session.getToken(), { code: "signed_out", reason: null });

  assert.deepEqual(session.status, { state: "signed_out", reason: null, serverNotified: true, failure: null });
  assert.equal(ended, 0);
  assert.equal(session.test.refreshes, 0);
});

test("an unknown session without a user ends with the auth server's reason", async () => {
  const session = createTestSession({ unknown: true });

  await assert.rejects(session.getToken(), { code: "signed_out", reason: "no_cookie" });
});

test("P01 the token is refreshed about 50 seconds into 60, and five sixths into a shorter lifetime", async () => {
  for (const [life, due] of /** @type {const} */ ([
    [60, 50],
    [9, 7.5],
    [3_600, 3_590],
  ])) {
    const session = createTestSession({ user: ADA, expiresIn: life });

    await session.test.advance((due - life / 30) * 1_000);
    assert.equal(session.test.refreshes, 0, `${life} s`);
    await session.test.advance((life / 30) * 1_000);
    assert.equal(session.test.refreshes, 1, `${life} s`);
  }
});

test("a clock of the test's own decides what is old", async () => {
  let now = 1_000_000;
  const session = createTestSession({ user: ADA, now: () => now });
  const token = await session.getToken();
  assert.ok(session.expiresIn > 58 && session.expiresIn <= 58.5);

  now += 30_000;
  assert.equal(await session.getToken(), token);
  now += 30_000;

  assert.equal(session.expiresIn, 0);
  assert.notEqual(await session.getToken(), token);
});

test("P09 P10 failures are retried ever more rarely, and end nothing; after the recovery, calls succeed at once", async () => {
  const session = createTestSession({ user: ADA });
  await session.test.fail("network");

  await session.test.advance(360_0000);
  const asked = session.test.refreshes;
  assert.ok(asked > 10 && asked < 100, `${asked} refreshes`);
  assert.equal(session.status.failure, "network");
  await assert.rejects(session.getToken(), { code: "unreachable", failure: "network" });
  await session.test.fail(null);

  assert.match(await session.getToken(), /^test-token-/);
  assert.deepEqual([session.status.state, session.status.failure], ["signed_in", null]);
});

/** How a call stands: its outcome, or that it waits. @param {Promise<string>} call */
async function standing(call) {
  const settled = call.then(
    () => "served",
    ({ code }) => code,
  );
  // Promises that are settled by now are handled first.
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([settled, Promise.resolve("waits")]);
}

for (const cause of /** @type {const} */ (["network", "timeout", "server_error", "rate_limited"])) {
  test(`P49 a call waits through ${cause} for 25 seconds of failures, and is served once they end`, async () => {
    const session = createTestSession({ user: ADA });
    await session.test.fail(cause);
    let failures = 0;
    session.on("refresh_failed", () => failures++);
    let sinceFailure = 0;
    for (let now = 0; now < 60_000; now += 100) {
      await session.test.advance(100);
      if (failures > 0) sinceFailure += 100;
    }
    const [early, other] = [session.getToken(), session.getToken()];
    other.catch(() => {});
    assert.equal(await standing(early), "waits");

    for (; (await standing(early)) === "waits"; sinceFailure += 100) await session.test.advance(100);
    // The timeout counts from the request; the next attempt is not waited for.
    assert.ok(sinceFailure <= 25_100 && sinceFailure >= (cause === "timeout" ? 14_900 : 24_900), `${sinceFailure} ms`);
    const code = cause === "timeout" ? "timeout" : "unreachable";
    assert.deepEqual(await Promise.all([standing(early), standing(other)]), [code, code]);
    assert.equal(await standing(session.getToken()), code);
    await session.test.fail(null);
    // The pending request times out first.
    if (cause === "timeout") await session.test.advance(10_000);
    assert.equal(await standing(session.getToken()), "served");

    await session.test.fail(cause);
    await session.test.advance(60_000);
    const late = session.getToken();
    assert.equal(await standing(late), "waits");
    await session.test.fail(null);
    if (cause === "timeout") await session.test.advance(10_000);
    assert.equal(await standing(late), "served");
  });
}

test("P49 a failure that waiting cannot cure rejects at once", async () => {
  for (const cause of /** @type {const} */ (["misconfigured", "unexpected_answer"])) {
    const session = createTestSession({ user: ADA });
    await session.test.fail(cause);
    await session.test.advance(60_000);
    await assert.rejects(session.getToken(), { failure: cause });
  }
});

test("P49 a waiting caller is rejected by a sign-out", async () => {
  const session = createTestSession({ user: ADA });
  await session.test.fail("server_error");
  await session.test.advance(60_000);
  const call = session.getToken();
  assert.equal(await standing(call), "waits");
  await session.test.end("revoked");
  await assert.rejects(call, { code: "signed_out", reason: "revoked" });
});

test("P18 a sign-out without a network holds at once, and the server is notified once it can be reached", async () => {
  const session = createTestSession({ user: ADA });
  await session.test.fail("offline");

  assert.deepEqual(await session.signOut(), { serverNotified: false });
  assert.deepEqual(session.status, { state: "signed_out", reason: "signed_out", serverNotified: false, failure: null });
  await session.test.fail(null);

  assert.deepEqual(session.status, { state: "signed_out", reason: "signed_out", serverNotified: true, failure: null });
});

test("the app's own functions are called in the place of the auth server", async () => {
  /** @type {unknown[]} */
  const calls = [];
  const session = createSession({
    auth: {
      refresh: async ({ reason, signal }) => {
        calls.push(reason, signal.aborted);
        if (calls.length > 2) throw new SessionEnded("idle");
        return { access_token: "own", expires_in: 60, session: { id: "s", user: ADA } };
      },
      signOut: async ({ everywhere }) => {
        calls.push(everywhere);
      },
    },
    storageKey: "own",
  });
  assert.equal(session.status.state, "signed_out");

  await session.refresh();
  assert.equal(await session.getToken(), "own");
  await assert.rejects(session.refresh({ force: true }), { code: "signed_out", reason: "idle" });
  session.test.signIn(ADA);
  await session.signOut({ everywhere: true });

  assert.deepEqual(calls, ["force", false, "force", false, true]);
});

test("P25 an aborted caller affects neither the others nor the refresh", async () => {
  /** @type {() => void} */
  let answer = () => {};
  const session = createTestSession({
    user: ADA,
    auth: {
      refresh: () => new Promise((resolve) => (answer = () => resolve({ access_token: "late", expires_in: 60 }))),
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
  const session = createTestSession({ user: ADA, allowedOrigins: ["https://api.example.com"] });

  await assert.rejects(session.fetch("https://api.example.com/notes"), TypeError);

  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
});

test("a step-up is accepted of whoever is signed in, and the call that waited for it is sent once more", async () => {
  const challenge = 'Bearer error="insufficient_user_authentication", acr_values="urn:nolapse:acr:2", max_age="300"';
  /** @type {(string | null)[]} */
  const sent = [];
  const session = createTestSession({
    user: ADA,
    allowedOrigins: ["https://api.example.com"],
    fetch: async (input) => {
      sent.push(new Request(input).headers.get("authorization"));
      return sent.length > 1
        ? new Response("deleted")
        : new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    },
  });
  /** @type {unknown[]} */
  const asked = [];
  session.on("step_up_required", ({ acrValues, maxAge, waitUntil }) => {
    asked.push(acrValues, maxAge);
    waitUntil(session.stepUp({ password: "any" }));
  });

  const response = await session.fetch("https://api.example.com/account", { method: "DELETE" });

  assert.equal(await response.text(), "deleted");
  assert.deepEqual(asked, [["urn:nolapse:acr:2"], 300]);
  assert.equal(sent.length, 2);
  assert.notEqual(sent[0], sent[1]);
  assert.equal(session.test.refreshes, 1);
});

test("a step-up of nobody is refused, and one in an outage fails as a request does", async () => {
  const nobody = createTestSession();
  await assert.rejects(nobody.stepUp({ password: "any" }), (error) => isSessionError(error));
  const session = createTestSession({ user: ADA });
  await session.test.fail("server_error");

  await assert.rejects(session.stepUp({ password: "any" }), (error) => isSessionError(error));

  assert.equal(session.status.state, "signed_in");
});

test("a sign-in with credentials that is not answered times out by the test's clock", async () => {
  const session = createTestSession();
  await session.test.fail("timeout");
  const done = session.signIn({ email: "ada@example.com", password: "any" });
  done.catch(() => {});

  await session.test.advance(9_999);
  assert.equal(await standing(done.then(() => "")), "waits");
  await session.test.advance(1);

  await assert.rejects(done, { code: "timeout", failure: "timeout" });
});
