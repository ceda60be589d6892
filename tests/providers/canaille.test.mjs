/** What holds with `oidc-provider` holds with a provider that shares no code with it: Canaille, made of Authlib. */

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { freePort } from "../e2e/harness/ports.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { Jar, navigate, send } from "./browser.mjs";
import { CLIENT_SECRET, goThroughCanaille, SCOPES, startCanaille } from "./canaille.mjs";
import { startProvider } from "./provider.mjs";
import { NAME, post, refresh, settings, signInUrl } from "./scene.mjs";

/** Clients of one session, as ten tabs are that share its cookie. */
const CLIENTS = 10;
const ROUNDS = 3;

/**
 * Starts Canaille and an auth server that knows it.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ provider?: object, oidc?: Record<string, string>, env?: Record<string, string> }} [options]
 */
async function startScene(t, { provider = {}, oidc = {}, env = {} } = {}) {
  const port = await freePort();
  const issuer = await startCanaille(t, { authServer: `http://localhost:${port}`, name: NAME, ...provider });
  const server = await startServer(t, {
    PORT: `${port}`,
    ...settings(issuer, { CLIENT_SECRET, SCOPES, ...oidc }),
    ...env,
  });
  return { issuer, server };
}

/** @param {{ auth: string }} server */
const isPage = (server) => (/** @type {string} */ url) => url.startsWith(`${server.auth}/page`);

/** @param {string} url */
const isCallback = (url) => url.includes("/callback?");

/** The code that a page is told, or none. @param {string} url */
function errorOf(url) {
  return new URL(url).searchParams.get("nolapse_error");
}

/** Comes back with a callback's parameters changed. @param {Jar} jar @param {string} callback @param {Record<string, string>} changes */
async function comeBack(jar, callback, changes) {
  const url = new URL(callback);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return (await send(jar, url.href)).headers.get("location") ?? "";
}

test("Canaille's user signs in with a name and a password, and is the same user the next time", async (t) => {
  const { issuer, server } = await startScene(t);
  const jar = new Jar();

  const end = await goThroughCanaille(jar, signInUrl(server), isPage(server));

  assert.equal(end, `${server.auth}/page?a=1#part`);
  const first = await refresh(server, jar);
  assert.equal(first.status, 200, JSON.stringify(first.body));
  // Canaille has an address, and never says that it was verified.
  assert.equal(first.body.session.user.email, undefined);
  const other = new Jar();
  await goThroughCanaille(other, signInUrl(server), isPage(server));
  assert.equal((await refresh(server, other)).body.session.user.id, first.body.session.user.id);
  other.forget(issuer);
  await goThroughCanaille(other, signInUrl(server), isPage(server), { user: "grace" });
  assert.notEqual((await refresh(server, other)).body.session.user.id, first.body.session.user.id);
  assert.doesNotMatch(server.log(), /ada@|grace@|eyJ/);
});

test("Canaille refuses a code with the verifier of another sign-in, a used code and a wrong secret", async (t) => {
  const { server } = await startScene(t);
  const jar = new Jar();
  const [one = "", two = "", three = ""] = [
    await goThroughCanaille(jar, signInUrl(server), isCallback),
    await navigate(jar, signInUrl(server), isCallback),
    await navigate(jar, signInUrl(server), isCallback),
  ];
  const codeOf = (/** @type {string} */ url) => new URL(url).searchParams.get("code") ?? "";

  assert.equal(errorOf(await comeBack(jar, one, { code: codeOf(two) })), "provider_refused");
  assert.equal((await refresh(server, jar)).status, 401);
  assert.equal(errorOf(await comeBack(jar, three, {})), null);
  assert.equal((await refresh(server, jar)).status, 200);
  assert.equal(errorOf(await comeBack(jar, two, { code: codeOf(three) })), "provider_refused");

  await server.restart({ OIDC_OP_CLIENT_SECRET: "another-secret-of-the-tests-as-long-as-the-first" });
  const foreign = new Jar();
  const end = await goThroughCanaille(foreign, signInUrl(server), isPage(server));
  assert.equal(errorOf(end), "provider_failed");
  assert.equal((await refresh(server, foreign)).status, 401);
});

test("Canaille takes a key in place of a secret, if its assertions are for the token endpoint", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-client-key-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const file = join(folder, "client.pem");
  await writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
  // Its name of the method.
  const method = "client_assertion_jwt";
  const jwks = JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] });
  const client = { client_secret: "", token_endpoint_auth_method: method, jwks };
  const { server } = await startScene(t, {
    provider: { client },
    oidc: { CLIENT_SECRET: "", PRIVATE_KEY_FILE: file },
  });
  const signIn = async () => errorOf(await goThroughCanaille(new Jar(), signInUrl(server), isPage(server)));

  assert.equal(await signIn(), "provider_failed");
  await server.restart({ OIDC_OP_KEY_AUDIENCE: "token_endpoint" });
  assert.equal(await signIn(), null);
});

test("a user who denies the consent at Canaille is told so, and is asked again", async (t) => {
  const { server } = await startScene(t);
  const jar = new Jar();

  const denied = await goThroughCanaille(jar, signInUrl(server), isPage(server), { answer: "deny" });
  assert.equal(errorOf(denied), "provider_denied");
  assert.equal((await refresh(server, jar)).status, 401);

  const end = await goThroughCanaille(jar, signInUrl(server), isPage(server));
  assert.equal(errorOf(end), null);
  assert.equal((await refresh(server, jar)).status, 200);
});

test("a response of Canaille's is not taken for another provider's, nor another's for its own", async (t) => {
  const port = await freePort();
  const authServer = `http://localhost:${port}`;
  const [op, canaille] = await Promise.all([
    startProvider({ authServer, name: NAME }),
    startCanaille(t, { authServer, name: "canaille" }),
  ]);
  t.after(() => op.stop());
  const second = Object.entries(settings(canaille, { CLIENT_SECRET, SCOPES })).map(([name, value]) => [
    name.replace("_OP_", "_CANAILLE_"),
    value,
  ]);
  const both = { ...settings(op.issuer), ...Object.fromEntries(second), OIDC_PROVIDERS: `${NAME},canaille` };
  const server = await startServer(t, { PORT: `${port}`, ...both });
  const atCanaille = signInUrl(server).replace(`/${NAME}/`, "/canaille/");
  const jar = new Jar();
  const theirs = await goThroughCanaille(jar, atCanaille, isCallback);
  const ours = await navigate(jar, signInUrl(server), isCallback);
  const parameters = (/** @type {string} */ url) => Object.fromEntries(new URL(url).searchParams);

  // RFC 9700 §4.4: a code of one provider's at the callback of the other's sign-in, with and without its issuer.
  const { code = "", iss = "" } = parameters(theirs);
  assert.equal(iss, canaille);
  assert.equal(errorOf(await comeBack(jar, ours, { code, iss })), "provider_refused");
  const again = await navigate(jar, signInUrl(server), isCallback);
  assert.equal(errorOf(await comeBack(jar, again, { code })), "provider_refused");
  assert.equal(errorOf(await comeBack(jar, theirs, { iss: op.issuer })), "provider_refused");
  // The state of one at the other's callback is no sign-in there.
  const { state = "" } = parameters(await goThroughCanaille(jar, atCanaille, isCallback));
  assert.equal(
    (await send(jar, `${authServer}/auth/providers/${NAME}/callback?${new URLSearchParams({ code, state })}`)).status,
    400,
  );
  assert.equal((await refresh(server, jar)).status, 401);

  const end = await goThroughCanaille(jar, atCanaille, isPage(server));
  assert.equal(errorOf(end), null);
  assert.equal((await refresh(server, jar)).status, 200);
});

test("P51 ten clients of a session that Canaille's tokens are for, whose refresh tokens rotate without grace", async (t) => {
  // No token is said to live: each client has to ask it.
  const { server } = await startScene(t, {
    provider: { saidSeconds: 0 },
    oidc: { MODE: "mediate" },
    env: { REFRESHES_PER_MINUTE: "0" },
  });
  const jar = new Jar();
  await goThroughCanaille(jar, signInUrl(server), isPage(server));
  const tokens = new Set();

  for (let round = 0; round < ROUNDS; round++) {
    const held = jar.copy();
    const clients = Array.from({ length: CLIENTS }, (_, number) => (number === 0 ? jar : held.copy()));
    for (const { status, body } of await Promise.all(clients.map((own) => refresh(server, own)))) {
      assert.equal(status, 200, `round ${round}: ${JSON.stringify(body)}`);
      tokens.add(body.access_token);
    }
  }

  assert.equal(tokens.size, ROUNDS * CLIENTS);
});

test("a sign-out says where Canaille's own session ends, and that ends it", async (t) => {
  const { issuer, server } = await startScene(t);
  const jar = new Jar();
  await goThroughCanaille(jar, signInUrl(server), isPage(server));

  const { status, body } = await post(server, jar, "/auth/sign-out");

  assert.equal(status, 200);
  assert.ok(body.end_session_url.startsWith(`${issuer}/`));
  assert.equal((await refresh(server, jar)).status, 401);
  const asked = await send(jar, body.end_session_url);
  assert.ok(asked.status < 400, `${asked.status}: ${await asked.text()}`);
});
