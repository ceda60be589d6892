import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { createSession, createTestSession, isSessionError } from "nolapse/testing";

/** The user of these tests. */
const ADA = { id: "1" };

/** The page of these tests. */
const PAGE = "https://app.example.com/welcome?a=%20+&b#part";

/** The page's auth server. */
const AUTH = "https://auth.test";

/**
 * What a promise is rejected with, at last.
 *
 * @param {Promise<unknown>} promise
 */
function rejection(promise) {
  return promise.then(
    () => assert.fail("it is fulfilled"),
    (error) => error,
  );
}

/**
 * Opens a page that has left for the provider.
 *
 * @param {import("nolapse/testing").TestSessionOptions<unknown>} [options]
 * @param {Partial<import("nolapse/testing").ProviderSignIn>} [how]
 */
async function openLeft(options = {}, how = {}) {
  const session = createTestSession({ page: PAGE, ...options });
  const settled = rejection(session.signIn({ provider: "google", ...how }));
  await session.test.advance(0);
  return { session, settled };
}

test("P50 nolapse/testing: a page that signs in through a provider leaves, and the next one is signed in", async () => {
  const { session } = await openLeft({}, { returnTo: "/notes?q=%20#top" });
  const { origin, pathname, searchParams } = new URL(session.test.location);
  assert.equal(`${origin}${pathname}`, `${AUTH}/auth/providers/google/sign-in`);
  assert.match(
    searchParams.get("return_to") ?? "",
    /^https:\/\/app\.example\.com\/notes\?q=%20&nolapse_session=\w+#top$/,
  );

  const next = await session.test.returnWith({ user: ADA });
  /** @type {string[]} */
  const states = [];
  next.subscribe(({ state }) => states.push(state));
  await next.test.advance(0);

  assert.deepEqual(states, ["unknown", "signed_in"]);
  assert.deepEqual(next.status, { state: "signed_in", user: ADA, sessionId: "session-1", failure: null });
  assert.equal(next.signInError, null);
  assert.equal(next.test.location, "https://app.example.com/notes?q=%20#top");
  assert.equal(next.test.refreshes, 1);
  await assert.rejects(session.getToken(), { code: "closed" });
  assert.match(await next.getToken(), /^test-token-/);
});

for (const error of /** @type {const} */ ([
  "provider_denied",
  "provider_failed",
  "provider_refused",
  "account_exists",
])) {
  test(`P50 nolapse/testing: ${error} is told once, and the URL is clean`, async () => {
    const { session } = await openLeft();

    const next = await session.test.returnWith({ error });
    /** @type {unknown[]} */
    const heard = [];
    next.on("sign_in_failed", (event) => heard.push(event.provider, event.error));
    await next.ready;

    assert.ok(isSessionError(next.signInError, error));
    assert.deepEqual(heard, ["google", next.signInError]);
    assert.equal(next.test.location, PAGE);
    assert.equal(next.status.state, "signed_out");
    assert.equal(next.test.refreshes, 0);
    next.signIn({ provider: "google" });
    const again = await next.test.returnWith({ user: ADA });
    await again.ready;
    assert.equal(again.signInError, null);
    await again.test.advance(0);
    assert.equal(again.status.state, "signed_in");
  });
}

test("P50 nolapse/testing: a refusal ends no session that there was", async () => {
  const { session } = await openLeft({ user: ADA }, { link: true });

  const next = await session.test.returnWith({ error: "account_exists" });
  await next.test.advance(0);

  assert.equal(next.signInError?.code, "account_exists");
  assert.deepEqual(next.status, { state: "signed_in", user: ADA, sessionId: "session-1", failure: null });
});

test("nolapse/testing: a provider is linked to whoever is signed in, and to nobody else", async () => {
  const linking = await openLeft({ user: ADA }, { link: true });
  const linked = await linking.session.test.returnWith({ user: { id: "at the provider" } });
  await linked.test.advance(0);
  assert.deepEqual([linked.status.state === "signed_in" && linked.status.user, linked.signInError], [ADA, null]);

  const visitor = await openLeft({}, { link: true });
  const refused = await visitor.session.test.returnWith({ user: ADA });
  await refused.test.advance(0);
  assert.deepEqual([refused.status.state, refused.signInError?.code], ["signed_out", "provider_refused"]);
});

test("P50 nolapse/testing: the back button shows the page again, and the sign-in is rejected", async () => {
  const { session, settled } = await openLeft({ user: ADA });

  const shown = await session.test.returnWith(null);

  assert.equal(shown, session);
  assert.equal((await settled).name, "AbortError");
  assert.equal(session.test.location, PAGE);
  assert.equal(session.status.state, "signed_in");
  session.signIn({ provider: "google" });
  const next = await session.test.returnWith({ user: { id: "2" }, sessionId: "session-2" });
  await next.test.advance(0);
  assert.deepEqual(next.status, { state: "signed_in", user: { id: "2" }, sessionId: "session-2", failure: null });
});

test("nolapse/testing: a page that was left refreshes no token, and does when it is shown again", async () => {
  const { session } = await openLeft({ user: ADA });

  await session.test.advance(120_000);
  assert.equal(session.test.refreshes, 0);

  await session.test.returnWith(null);
  assert.equal(session.test.refreshes, 1);
});

test("P50 nolapse/testing: a page goes to a provider three times a minute", async () => {
  const session = await goThrice(0);

  const refused = await rejection(session.signIn({ provider: "google" }));

  assert.deepEqual([refused.code, refused.retryInMs], ["redirect_loop", 59_997]);
  assert.equal(session.test.location, PAGE);
  await session.test.advance(60_000);
  session.signIn({ provider: "google" });
  await session.test.returnWith({ user: ADA });
});

test("P50 nolapse/testing: the redirects of a test do not count in the next one", async () => {
  for (const at of [0, 10_000]) await goThrice(at);
});

/**
 * Opens a page in another browser, and lets it go to the provider three times.
 *
 * @param {number} at the clock
 */
async function goThrice(at) {
  let { session } = await openLeft({ now: () => at });
  for (let round = 0; round < 2; round++) {
    session = await session.test.returnWith({ error: "provider_denied" });
    await session.ready;
    session.signIn({ provider: "google" });
  }
  session = await session.test.returnWith({ error: "provider_denied" });
  await session.ready;
  return session;
}

test("nolapse/testing: the next page begins without what the first one was rendered with", async () => {
  const initial = /** @type {const} */ ({ state: "signed_in", user: ADA, sessionId: "session-1", failure: null });
  const { session } = await openLeft({ initial, user: ADA, unknown: true });
  assert.deepEqual(session.status, initial);

  const next = await session.test.returnWith({ user: { id: "2" } });

  assert.equal(next.status.state, "unknown");
});

test("P50 nolapse/testing: a pop-up signs in, and the page stays", async () => {
  const session = createTestSession({ page: PAGE });
  const done = session.signIn({ provider: "google", display: "popup" });

  assert.equal(await session.test.returnWith({ user: ADA }), session);
  await done;

  assert.deepEqual(session.status, { state: "signed_in", user: ADA, sessionId: "session-1", failure: null });
  assert.equal(session.test.location, PAGE);
});

test("P50 nolapse/testing: a pop-up rejects with the error, and one that was closed or blocked says so", async () => {
  const session = createTestSession({ page: PAGE });
  for (const error of /** @type {const} */ (["provider_denied", "account_exists"])) {
    const refused = rejection(session.signIn({ provider: "google", display: "popup" }));
    await session.test.returnWith({ error });
    assert.ok(isSessionError(await refused, error));
  }
  const closed = rejection(session.signIn({ provider: "google", display: "popup" }));
  await session.test.returnWith(null);
  assert.ok(isSessionError(await closed, "popup_closed"));
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = rejection(session.signIn({ provider: "google", display: "popup", signal }));
  await session.test.advance(0);
  controller.abort();
  assert.equal((await aborted).name, "AbortError");
  await assert.rejects(session.test.returnWith({ user: ADA }), /no sign-in through a provider has begun/);
  assert.deepEqual([session.status.state, session.signInError], ["signed_out", null]);

  const blocking = createTestSession({ page: PAGE, blocksPopups: true });
  const blocked = await rejection(blocking.signIn({ provider: "google", display: "popup" }));
  assert.ok(isSessionError(blocked, "popup_blocked"));
});

test("nolapse/testing: a sign-in that is refused before the page is left has nothing to return from", async () => {
  const session = createTestSession({ page: PAGE });
  for (const returnTo of ["https://evil.example/", "javascript:alert(1)"])
    await assert.rejects(session.signIn({ provider: "google", returnTo }), TypeError);

  await assert.rejects(session.test.returnWith({ user: ADA }), /no sign-in through a provider has begun/);
  await assert.rejects(session.test.returnWith(null), /no sign-in through a provider has begun/);

  assert.equal(session.test.location, PAGE);
});

test("nolapse/testing: a sign-out goes on to the provider, if the user has signed in through one", async () => {
  const { session } = await openLeft();
  const next = await session.test.returnWith({ user: ADA });
  await next.test.advance(0);

  assert.deepEqual(await next.signOut({ atProvider: true }), { serverNotified: true });

  assert.equal(next.test.location, "https://google.test/sign-out");
  assert.equal(next.status.state, "signed_out");
  for (const [options, location] of /** @type {const} */ ([
    [{ user: ADA, provider: "okta" }, "https://okta.test/sign-out"],
    [{ user: ADA }, PAGE],
  ])) {
    const begun = createTestSession({ page: PAGE, ...options });
    await begun.signOut({ atProvider: true });
    assert.equal(begun.test.location, location);
    assert.equal(begun.status.state, "signed_out");
  }
});

test("nolapse/testing: a sign-out at the provider without an auth server times out by the test's clock", async () => {
  const session = createTestSession({ user: ADA, provider: "google", page: PAGE });
  await session.test.fail("timeout");
  const done = session.signOut({ atProvider: true });

  await session.test.advance(10_000);
  await session.test.advance(10_000);

  assert.deepEqual(await done, { serverNotified: false });
  assert.equal(session.test.location, PAGE);
  assert.equal(session.status.state, "signed_out");
});

test("nolapse/testing: the app's own session signs in through a provider of its auth server", async () => {
  const session = createSession({ auth: "https://auth.example.com" });
  session.signIn({ provider: "google", returnTo: "/here" });
  await session.test.advance(0);
  assert.ok(session.test.location.startsWith("https://auth.example.com/auth/providers/google/sign-in?"));

  const next = await session.test.returnWith({ user: ADA });
  await next.test.advance(0);

  assert.equal(next.test.location, "http://localhost/here");
  assert.equal(next.status.state, "signed_in");
});

test("P50 nolapse/testing: a listener that is added as soon as there is a session hears of the failure, with require", async () => {
  /** @type {typeof import("nolapse/testing")} */
  const required = createRequire(import.meta.url)("nolapse/testing");
  const session = required.createTestSession({ page: PAGE });
  session.signIn({ provider: "google" });
  const next = await session.test.returnWith({ error: "provider_failed" });
  // What helpers of a test take, one around the other.
  for (let i = 0; i < 20; i++) await undefined;
  /** @type {string[]} */
  const heard = [];
  next.on("sign_in_failed", ({ error }) => heard.push(error.code));

  await next.ready;

  assert.deepEqual(heard, ["provider_failed"]);
});
