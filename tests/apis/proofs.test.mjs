/** Proofs of possession that an independent library makes: accepted by the auth server, and refused where they are changed. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { generateKeyPair, generateProof } from "dpop";

import { startServer } from "../e2e/harness/server.mjs";

/** @typedef {import("dpop").KeyPair} KeyPair */

/**
 * Sends a request of version 2, as a browser does.
 *
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {string} path
 * @param {object} said
 * @param {string} [cookie]
 */
async function post(server, path, said, cookie) {
  const headers = { "content-type": "text/plain", origin: server.auth, ...(cookie ? { cookie } : {}) };
  const body = JSON.stringify({ ...said, version: "2" });
  const response = await fetch(`${server.auth}${path}`, { method: "POST", headers, body });
  const [set = ""] = response.headers.getSetCookie();
  return { status: response.status, body: await response.json(), cookie: set.split(";")[0] ?? "" };
}

/** Changes a character within a part of a JWT. @param {string} jwt @param {number} part */
function changed(jwt, part) {
  const parts = jwt.split(".");
  const text = parts[part] ?? "";
  const at = Math.floor(text.length / 2);
  parts[part] = `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
  return parts.join(".");
}

test("P54 the auth server accepts the proofs of another library, and refuses what is changed in them", async (t) => {
  const server = await startServer(t, { REFRESHES_PER_MINUTE: "0" });
  const keys = await generateKeyPair("ES256");
  /** @param {string} path @param {KeyPair} [by] @param {string} [method] @param {string} [nonce] */
  const proof = (path, by = keys, method = "POST", nonce = undefined) =>
    generateProof(by, `${server.auth}${path}`, method, nonce);
  const credentials = { email: `${randomUUID()}@example.org`, password: randomUUID() };
  const signedUp = await post(server, "/auth/sign-up", { ...credentials, dpop: await proof("/auth/sign-up") });
  assert.equal(signedUp.status, 200, JSON.stringify(signedUp.body));
  let { cookie } = signedUp;

  const said = { reason: "load", page: "visible" };
  const good = await proof("/auth/refresh");
  const others = [
    undefined,
    changed(good, 0),
    changed(good, 1),
    changed(good, 2),
    await proof("/auth/sign-out"),
    await proof("/auth/refresh", keys, "GET"),
    await proof("/auth/refresh", await generateKeyPair("ES256")),
    await proof("/auth/refresh", await generateKeyPair("RS256")),
    await proof("/auth/refresh", await generateKeyPair("Ed25519")),
    await proof("/auth/refresh", keys, "POST", "a nonce of another server"),
  ];
  const errors = [];
  for (const dpop of others) {
    const refused = await post(server, "/auth/refresh", { ...said, dpop }, cookie);
    assert.equal(refused.status, 401);
    errors.push(refused.body.reason ?? refused.body.error);
  }
  const invalid = "invalid_dpop_proof";
  const expected = [...Array(6).fill(invalid), "key_lost", invalid, invalid, "use_dpop_nonce"];
  assert.deepEqual(errors, expected);
  for (let round = 0; round < 3; round++) {
    const refreshed = await post(server, "/auth/refresh", { ...said, dpop: await proof("/auth/refresh") }, cookie);
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    cookie = refreshed.cookie;
  }
  const used = await post(server, "/auth/refresh", { ...said, dpop: good }, cookie);
  assert.equal(used.status, 200);
  const again = await post(server, "/auth/refresh", { ...said, dpop: good }, used.cookie);
  assert.equal(again.body.error, invalid);
  const nonce = again.body.dpop_nonce;
  const dpop = await proof("/auth/refresh", keys, "POST", nonce);
  const answered = await post(server, "/auth/refresh", { ...said, dpop }, used.cookie);
  assert.equal(answered.status, 200);
});
