import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { freePort } from "../e2e/harness/ports.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { send } from "./browser.mjs";
import { CLIENT_ID, startProvider } from "./provider.mjs";
import { NAME, refresh, signIn, startScene } from "./scene.mjs";

test("P52 a sign-out at the provider ends the session at once, by its logout token", async (t) => {
  const { op, server } = await startScene(t);
  const { jar } = await signIn(server);
  const other = await signIn(server);
  assert.equal((await refresh(server, jar)).status, 200);
  /** @type {string[]} */
  const told = [];
  op.provider.on("backchannel.success", () => told.push("taken"));
  op.provider.on("backchannel.error", (_context, error) => told.push(String(error.cause ?? error)));

  const asked = await send(jar, `${op.issuer}/session/end?client_id=${CLIENT_ID}`);
  const form = new URLSearchParams();
  const page = await asked.text();
  for (const [, name = "", value = ""] of page.matchAll(/name="([^"]+)" value="([^"]*)"/g)) form.set(name, value);
  form.set("logout", "yes");
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  await send(jar, `${op.issuer}/session/end/confirm`, { method: "POST", headers, body: form.toString() });
  // The provider answers once its logout tokens were answered.
  assert.deepEqual(told, ["taken"]);

  const ended = await refresh(server, jar);
  assert.deepEqual([ended.status, ended.body.reason], [401, "revoked"]);
  // Another session of the same user, at the provider too.
  assert.equal((await refresh(server, other.jar)).status, 200);
});

for (const [algorithm, alg, make] of /** @type {const} */ ([
  ["P-256", "ES256", () => generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ["RSA", "RS256", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ["Ed25519", "EdDSA", () => generateKeyPairSync("ed25519")],
])) {
  test(`a key of ${algorithm} authenticates the auth server in place of a secret`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "nolapse-client-key-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const { privateKey, publicKey } = make();
    const file = join(folder, "client.pem");
    await writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
    const port = await freePort();
    const client = {
      client_secret: undefined,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [{ ...publicKey.export({ format: "jwk" }), alg, use: "sig" }] },
    };
    const op = await startProvider({ authServer: `http://localhost:${port}`, name: NAME, client });
    t.after(() => op.stop());
    const oidc = { OIDC_PROVIDERS: NAME, OIDC_OP_ISSUER: op.issuer, OIDC_OP_CLIENT_ID: CLIENT_ID };
    const server = await startServer(t, { PORT: `${port}`, ...oidc, OIDC_OP_PRIVATE_KEY_FILE: file });

    const { jar, end } = await signIn(server);

    assert.equal(new URL(end).searchParams.get("nolapse_error"), null);
    assert.equal((await refresh(server, jar)).status, 200);
  });
}
