/** `nolapse/passkeys` with Chromium's virtual authenticator, judged by the server and by `@simplewebauthn/server`. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";

import { addAuthenticator, credentialsOf } from "./harness/authenticator.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** Makes `window.passkeys` and `window.totp`. @param {import("puppeteer-core").Page} page @param {{ auth: string }} server */
async function openPasskeys(page, { auth }) {
  await page.evaluate(async (address) => {
    /** @type {typeof import("nolapse/passkeys")} */
    const { createPasskeys, createTotp } = await import(/** @type {string} */ ("/nolapse/passkeys.js"));
    window.passkeys = createPasskeys({ auth: address, session: window.session });
    window.totp = createTotp({ auth: address, session: window.session });
  }, auth);
}

/** The claims of the page's token. @param {import("puppeteer-core").Page} page */
function claimsOf(page) {
  return page.evaluate(async () => {
    const [, payload = ""] = (await window.session.getToken()).split(".");
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  });
}

/** Runs work on the page; returns the code of its error, or "". @param {import("puppeteer-core").Page} page @param {() => Promise<unknown>} work */
function codeOf(page, work) {
  return page.evaluate(`(${work})().then(() => "", (error) => error.code)`);
}

/** Waits until the sign-in is too old for a change of passkeys. @param {import("puppeteer-core").Page} page @param {string} auth */
function growsOld(page, auth) {
  return until("the sign-in is too old", () =>
    page.evaluate(async (origin) => {
      const [url, method] = [`${origin}/auth/passkeys/options`, "POST"];
      const dpop = (await window.session.proof({ url, method })) ?? "";
      const response = await fetch(url, { method, headers: { "nolapse-version": "1", dpop } });
      return response.status === 401 && (await response.json()).error === "insufficient_user_authentication";
    }, auth),
  );
}

test("an account is made with a passkey, and signs in again without a name", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, network } = await openPage(browser, server);
  const authenticator = await addAuthenticator(page);
  await openSession(page, server);
  await openPasskeys(page, server);
  const { email } = newUser();

  await page.evaluate((address) => window.passkeys.signUp({ email: address, name: "this browser" }), email);
  assert.equal((await claimsOf(page)).acr, "urn:nolapse:acr:2");
  await page.evaluate(() => window.session.signOut());
  await page.evaluate(() => window.passkeys.signIn());

  const status = await page.evaluate(() => window.session.status);
  assert.equal(status.state === "signed_in" && status.user.email, email);
  assert.deepEqual((await claimsOf(page)).amr.slice(1), ["user", "mfa"]);
  const list = await page.evaluate(() => window.passkeys.list());
  assert.deepEqual(
    list.map(({ name }) => name),
    ["this browser"],
  );
  assert.equal(await codeOf(page, () => window.passkeys.add()), "passkey_exists");
  const id = list[0]?.id ?? "";
  await page.evaluate((one) => window.passkeys.rename(one, "renamed"), id);
  assert.equal(await page.evaluate(async () => (await window.passkeys.list())[0]?.name), "renamed");
  const last = await page.evaluate((one) => window.passkeys.remove(one).catch(({ code }) => code), id);
  assert.equal(last, "last_way_in");
  assert.equal((await credentialsOf(authenticator)).length, 1);
  // Requests that were answered with a passkey, for the oracle's test.
  assert.ok(network.to("/auth/passkeys/sign-in").some(({ status: code }) => code === 200));
});

test("P55 a passkey that was removed is refused, and the authenticator is told", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  const authenticator = await addAuthenticator(page);
  await openPasskeys(page, server);
  const { id } = await page.evaluate(() => window.passkeys.add());
  const other = await browser.newPage();
  await other.goto(`${server.auth}/blank.html`);
  await openSession(other, server);
  await openPasskeys(other, server);
  // Where the authenticator is not.
  await other.evaluate((one) => window.passkeys.remove(one), id);
  await page.bringToFront();

  assert.equal(await codeOf(page, () => window.passkeys.signIn()), "unknown_passkey");

  await until("the authenticator has forgotten it", async () => (await credentialsOf(authenticator)).length === 0);
  assert.equal(await codeOf(page, () => window.passkeys.signIn()), "cancelled");
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

test("passkeys are offered in a field, and a refresh does not wait for the user", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await addAuthenticator(page);
  await openPasskeys(page, server);
  await page.evaluate(() => window.passkeys.add());
  await page.evaluate(() => window.session.signOut());
  await page.evaluate(() => {
    document.body.insertAdjacentHTML("beforeend", '<input autocomplete="username webauthn">');
  });

  assert.equal(await page.evaluate(() => window.passkeys.isAutofillSupported()), true);
  await page.evaluate(() => window.passkeys.signIn({ mediation: "conditional" }));

  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

test("a call waits for a step-up and is sent once more, and the calls beside it with it", async (t) => {
  const settings = { RECENT_SIGN_IN_SECONDS: "6" };
  const [server, browser] = await Promise.all([startServer(t, settings), launchBrowser(t)]);
  const { page, network, user } = await openSignedIn(browser, server);
  await growsOld(page, server.auth);
  const before = network.to("/account").length;

  const seen = await page.evaluate(
    async (api, password) => {
      /** @type {unknown[]} */
      const told = [];
      const end = window.session.on("step_up_required", (event) => {
        told.push([event.acrValues, event.maxAge]);
        event.waitUntil(window.session.stepUp({ password }));
      });
      const calls = [1, 2].map(() => window.session.fetch(`${api}/account`, { method: "DELETE" }));
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      end();
      return { told, statuses: statuses.toSorted() };
    },
    server.api,
    user.password,
  );

  assert.deepEqual(seen.told, [[[], 6]]);
  // The other one finds an account that is gone.
  assert.equal(seen.statuses[0], 204);
  assert.equal(network.to("/auth/step-up").filter(({ method }) => method === "POST").length, 1);
  assert.ok(network.to("/account").length - before >= 4);
});

test("a step-up that fails leaves the call its first response, and the session", async (t) => {
  const settings = { RECENT_SIGN_IN_SECONDS: "6" };
  const [server, browser] = await Promise.all([startServer(t, settings), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);

  await growsOld(page, server.auth);

  const seen = await page.evaluate(async (api) => {
    /** @type {unknown[]} */
    const failures = [];
    window.session.on("step_up_required", ({ waitUntil }) => {
      const done = window.session.stepUp({ password: "not the password" });
      done.catch(({ code, problem }) => failures.push(code, problem));
      waitUntil(done);
    });
    const { status } = await window.session.fetch(`${api}/account`, { method: "DELETE" });
    return [status, ...failures];
  }, server.api);

  assert.deepEqual(seen, [401, "sign_in_refused", "invalid_credentials"]);
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});

test("P55 simplewebauthn accepts what the server accepts, and refuses the same changes", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await addAuthenticator(page);
  const origin = server.auth;
  const expected = { expectedOrigin: origin, expectedRPID: "localhost", requireUserVerification: true };
  const ask = (/** @type {string} */ path, /** @type {object} */ body = {}) =>
    page.evaluate(
      async (url, said) => {
        const dpop = (await window.session.proof({ url, method: "POST" })) ?? "";
        const headers = { "content-type": "application/json", "nolapse-version": "1", dpop };
        const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(said) });
        return { status: response.status, body: await response.json() };
      },
      `${origin}${path}`,
      body,
    );

  const creation = (await ask("/auth/passkeys/options")).body.publicKey;
  const made = await page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const credential = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey }));
    return /** @type {import("@simplewebauthn/server").RegistrationResponseJSON} */ (
      /** @type {unknown} */ (credential.toJSON())
    );
  }, creation);
  const registration = await verifyRegistrationResponse({
    ...expected,
    response: made,
    expectedChallenge: creation.challenge,
  });
  assert.equal(registration.verified, true);
  assert.equal((await ask("/auth/passkeys", { credential: made })).status, 201);
  const { credential } = registration.registrationInfo ?? assert.fail();

  for (const change of CHANGES) {
    const request = (await ask("/auth/passkeys/sign-in/options")).body.publicKey;
    const asserted = await page.evaluate(async (options) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const found = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
      return /** @type {Assertion} */ (/** @type {unknown} */ (found.toJSON()));
    }, request);
    const response = change.of(asserted);
    const oracle = await verifyAuthenticationResponse({
      ...expected,
      response,
      expectedChallenge: request.challenge,
      credential,
    }).catch(() => ({ verified: false }));
    const { status, body } = await ask("/auth/passkeys/sign-in", { credential: response });
    assert.equal(oracle.verified, change.isGood ?? false, change.what);
    assert.equal(status, change.isGood ? 200 : 401, `${change.what}: ${JSON.stringify(body)}`);
  }
});

/** @typedef {import("@simplewebauthn/server").AuthenticationResponseJSON} Assertion */

/** Changes to an assertion. @type {readonly { what: string, isGood?: boolean, of: (assertion: Assertion) => Assertion }[]} */
const CHANGES = [
  { what: "as it was", isGood: true, of: (assertion) => assertion },
  { what: "a flag", of: (assertion) => withBytes(assertion, "authenticatorData", (bytes) => flip(bytes, 32, 4)) },
  { what: "a counter", of: (assertion) => withBytes(assertion, "authenticatorData", (bytes) => flip(bytes, 36, 1)) },
  {
    what: "a relying party",
    of: (assertion) => withBytes(assertion, "authenticatorData", (bytes) => flip(bytes, 0, 1)),
  },
  { what: "a signature", of: (assertion) => withBytes(assertion, "signature", (bytes) => flip(bytes, 20, 1)) },
  { what: "an origin", of: (assertion) => withClientData(assertion, { origin: "https://evil.example" }) },
  { what: "a ceremony", of: (assertion) => withClientData(assertion, { type: "webauthn.create" }) },
  { what: "a challenge", of: (assertion) => withClientData(assertion, { challenge: "AAAA" }) },
];

/**
 * @param {Assertion} assertion
 * @param {"authenticatorData" | "signature" | "clientDataJSON"} member
 * @param {(bytes: Buffer) => Buffer} change
 * @returns {Assertion}
 */
function withBytes(assertion, member, change) {
  const bytes = change(Buffer.from(assertion.response[member], "base64url"));
  return { ...assertion, response: { ...assertion.response, [member]: bytes.toString("base64url") } };
}

/** @param {Assertion} assertion @param {object} changes */
function withClientData(assertion, changes) {
  return withBytes(assertion, "clientDataJSON", (bytes) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(bytes.toString()), ...changes })),
  );
}

/** @param {Buffer} bytes @param {number} place @param {number} bits */
function flip(bytes, place, bits) {
  bytes[place] = (bytes[place] ?? 0) ^ bits;
  return bytes;
}
