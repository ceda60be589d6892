import assert from "node:assert/strict";
import { test } from "node:test";

import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { signIn, signUp } from "./auth.mjs";
import { importServer } from "./package.mjs";

/** How long a server may take to see what a command has changed. */
const SEEN_MS = 20_000;

/** @param {string} token */
function headerOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
}

test("P46 nolapse/server verifies what a running auth server issues, and refuses it once it has expired", async (t) => {
  const [server, { createVerifier }] = await Promise.all([startServer(t), importServer(t)]);
  const { token, email, password } = await signUp(server);
  await server.command(["users", "context", email, "org_1", "admin"]);
  const { contexts } = await signIn(server, { email, password }, { contexts: ["org_1"] });
  const verifier = createVerifier({ issuer: server.auth, audience: server.api, maxAge: 300 });

  const claims = await verifier.verify(new Request(server.api, { headers: { authorization: `Bearer ${token}` } }));
  const inContext = await verifier.verify(contexts.org_1.access_token);

  assert.deepEqual([claims.iss, claims.aud, claims.role], [server.auth, [server.api], "member"]);
  assert.equal(claims.exp - claims.iat, 60);
  assert.equal(claims.context, undefined);
  assert.deepEqual([inContext.context, inContext.role, inContext.sub], ["org_1", "admin", claims.sub]);
  const elsewhere = createVerifier({ issuer: server.auth, audience: server.auth });
  await assert.rejects(elsewhere.verify(token), { code: "audience" });
  const foreign = createVerifier({
    issuer: server.api,
    audience: server.api,
    jwks: `${server.auth}/.well-known/jwks.json`,
  });
  await assert.rejects(foreign.verify(token), { code: "issuer" });
  t.mock.timers.enable({ apis: ["Date"], now: claims.exp * 1_000 - 1 });
  assert.equal((await verifier.verify(token)).sub, claims.sub);
  t.mock.timers.setTime(claims.exp * 1_000);
  await assert.rejects(verifier.verify(token), { code: "expired" });
});

test("P46 a rotation of keys fails no request at nolapse/server, and ends the old key within a minute", async (t) => {
  const [server, { createVerifier }] = await Promise.all([startServer(t), importServer(t)]);
  const user = await signUp(server);
  const verifier = createVerifier({ issuer: server.auth, audience: server.api });
  const { sub } = await verifier.verify(user.token);

  await server.command(["keys", "revoke"]);
  const signedByAnother = async () => {
    const { token } = await signIn(server, user);
    // The key that signs now was published beside the revoked one.
    assert.equal((await verifier.verify(token)).sub, sub);
    return headerOf(token).kid === headerOf(user.token).kid ? "" : token;
  };
  const token = await until("the server signs with the next key", signedByAnother, { within: SEEN_MS, every: 250 });

  const steady = performance.now();
  t.mock.method(performance, "now", () => steady + 60_000);
  assert.equal((await verifier.verify(token)).sub, sub);
  await assert.rejects(verifier.verify(user.token), { code: "unknown_key" });
});
