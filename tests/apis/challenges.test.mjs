import assert from "node:assert/strict";
import { test } from "node:test";

import { isTokenRejected } from "../../src/host/challenge.js";
import { importServer } from "./package.mjs";
import { AUDIENCE, forge, ISSUER, jwkOf, NOW } from "./tokens.mjs";

/** @param {import("node:test").TestContext} t */
async function makeVerifier(t) {
  t.mock.timers.enable({ apis: ["Date"], now: NOW * 1_000 });
  const server = await importServer(t);
  const verifier = server.createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [jwkOf()] } });
  return { ...server, verifier };
}

/** A request with that header. @param {string} [authorization] */
function requestWith(authorization) {
  return new Request(AUDIENCE, authorization === undefined ? {} : { headers: { authorization } });
}

test("the token of a request is that of its Authorization header (RFC 6750 §2.1)", async (t) => {
  const { verifier } = await makeVerifier(t);
  const token = forge({}, { context: "org_1", extra: { a: 1 } });

  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    const { headers } = requestWith(`${scheme} ${token}`);
    for (const source of [requestWith(`${scheme} ${token}`), headers, { headers }]) {
      const claims = await verifier.verify(source);
      assert.deepEqual({ ...claims }, { ...claimsOf(token), aud: [AUDIENCE] });
    }
  }
  const claims = await verifier.verify(token);
  assert.ok(Object.isFrozen(claims) && Object.isFrozen(claims.aud));
  assert.equal(Object.getPrototypeOf(claims), null);
});

/** @param {string} token */
function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

test("a polluted Object.prototype adds no claim", async (t) => {
  const { verifier } = await makeVerifier(t);
  const prototype = /** @type {Record<string, unknown>} */ (Object.prototype);
  t.after(() => {
    delete prototype.context;
    delete prototype.auth_time;
  });
  Object.assign(prototype, { context: "org_1", auth_time: NOW });

  assert.equal((await verifier.verify(forge())).context, undefined);
  await assert.rejects(verifier.verify(forge(), { maxAge: 60 }), { code: "insufficient_user_authentication" });
});

test("each refusal has the response of RFC 6750, and says no more than a client needs", async (t) => {
  const { verifier, VerifyError, isVerifyError } = await makeVerifier(t);
  const token = forge();
  /** @type {[string | undefined, string, string][]} */
  const table = [
    [undefined, "missing", "Bearer"],
    [`Basic ${token}`, "missing", "Bearer"],
    ["Bearer", "malformed", 'Bearer error="invalid_token"'],
    [`Bearer  ${token}`, "malformed", 'Bearer error="invalid_token"'],
    [`Bearer\t${token}`, "malformed", 'Bearer error="invalid_token"'],
    [`Bearer ${token}, Bearer ${token}`, "malformed", 'Bearer error="invalid_token"'],
    [`Bearer ${forge({}, { exp: NOW })}`, "expired", 'Bearer error="invalid_token"'],
    [`Bearer ${forge({ kid: "k2" })}`, "unknown_key", 'Bearer error="invalid_token"'],
  ];
  for (const [authorization, code, challenge] of table) {
    const error = await verifier.verify(requestWith(authorization)).catch((error) => error);
    assert.ok(
      error instanceof VerifyError && isVerifyError(error) && error.code === code,
      `${authorization}: ${error}`,
    );
    assert.equal(isVerifyError(error, "early"), false);
    const response = error.toResponse();
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), challenge);
    assert.equal(error.challenge, challenge);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("content-type"), "application/json");
    const { error: told, error_description } = await response.json();
    assert.equal(told, "invalid_token");
    assert.match(error_description, /^[a-z ]+$/);
    assert.ok(isTokenRejected(response), "the client refreshes and tries once more");
  }
  assert.equal(isVerifyError(new Error("missing")), false);
  assert.equal(isVerifyError(undefined), false);
});

test("a sign-in that is too long ago has the challenge of RFC 9470, which a client does not answer by a refresh", async (t) => {
  const { createVerifier, verifier } = await makeVerifier(t);
  const strict = createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [jwkOf()] }, maxAge: 300 });
  const fresh = forge({}, { auth_time: NOW - 300 });

  assert.equal((await strict.verify(fresh)).auth_time, NOW - 300);
  assert.equal((await strict.verify(forge({}, { auth_time: NOW + 9 }))).sub, "u");
  for (const [token, options] of /** @type {[string, object?][]} */ ([
    [forge()],
    [forge({}, { auth_time: NOW - 301 })],
    [fresh, { maxAge: 299 }],
  ])) {
    const error = await strict.verify(token, options).catch((error) => error);
    assert.equal(error.code, "insufficient_user_authentication");
    const response = error.toResponse();
    assert.equal(response.status, 401);
    assert.match(
      response.headers.get("www-authenticate"),
      /^Bearer error="insufficient_user_authentication", error_description="a recent or a stronger authentication is needed", max_age="(300|299)"$/,
    );
    assert.ok(!isTokenRejected(response));
  }
  assert.equal((await verifier.verify(forge())).sub, "u");
  await assert.rejects(strict.verify(forge({}, { exp: NOW })), { code: "expired" });
  await assert.rejects(verifier.verify(forge(), { maxAge: -1 }), TypeError);
});

test("a sign-in that is too weak has the challenge of RFC 9470, with what would do", async (t) => {
  const { createVerifier, verifier } = await makeVerifier(t);
  const [one, two, bronze] = ["urn:nolapse:acr:1", "urn:nolapse:acr:2", "urn:example:bronze"];
  const jwks = { keys: [jwkOf()] };
  const strict = createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks, acrValues: [two, bronze] });

  for (const acr of [two, bronze]) assert.equal((await strict.verify(forge({}, { acr }))).acr, acr);
  // The values of a call replace those of the verifier.
  assert.equal((await strict.verify(forge({}, { acr: one }), { acrValues: [one] })).acr, one);
  for (const [claims, options, wanted] of /** @type {[Record<string, unknown>, object?, string?][]} */ ([
    [{}],
    [{ acr: one }],
    [{ acr: `${two} ${bronze}` }],
    [{ acr: two.toUpperCase() }],
    [{ acr: two, auth_time: NOW - 61 }, { maxAge: 60 }, `acr_values="${two} ${bronze}", max_age="60"`],
    [{ acr: one, auth_time: NOW }, { maxAge: 60 }, `acr_values="${two} ${bronze}", max_age="60"`],
    [{ acr: two }, { acrValues: [one] }, `acr_values="${one}"`],
  ])) {
    const error = await strict.verify(forge({}, claims), options).catch((caught) => caught);
    assert.equal(error.code, "insufficient_user_authentication", JSON.stringify([claims, options]));
    const response = error.toResponse();
    assert.equal(response.status, 401);
    const challenge = response.headers.get("www-authenticate");
    assert.ok(challenge.endsWith(`, ${wanted ?? `acr_values="${two} ${bronze}"`}`), challenge);
    assert.ok(!isTokenRejected(response));
  }
  // A value that would end the challenge's text is an error of the API's, not a challenge.
  for (const acrValues of [['a"b'], [""], ["a b"], [7], [], two]) {
    const wrong = /** @type {readonly string[]} */ (/** @type {unknown} */ (acrValues));
    await assert.rejects(verifier.verify(forge(), { acrValues: wrong }), TypeError, String(acrValues));
  }
});

test("without keys the response is a passing 503, and no refusal of the token", async (t) => {
  const { createVerifier } = await makeVerifier(t);
  // Nothing listens on the port of TCP's multiplexer.
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: "http://127.0.0.1:1/jwks.json" });

  const error = await verifier.verify(forge()).catch((error) => error);

  assert.deepEqual([error.code, error.status, error.challenge], ["no_keys", 503, null]);
  assert.ok(error.cause instanceof Error);
  const response = error.toResponse();
  assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "5"]);
  assert.equal(response.headers.get("www-authenticate"), null);
  assert.equal((await response.json()).error, "unavailable");
});
