import assert from "node:assert/strict";
import { test } from "node:test";

import { Jar, navigate, send } from "./browser.mjs";
import { NAME, post, refresh, signIn, signInUrl, startScene } from "./scene.mjs";

/** The claims of a token, without a look at its signature. @param {string} token */
function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

test("a provider's user signs in, with a pushed request, and is the same user the next time", async (t) => {
  const { op, server } = await startScene(t);
  const { jar, end } = await signIn(server);

  assert.equal(end, `${server.auth}/page?a=1#part`);
  const first = await refresh(server, jar);
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.equal(first.body.session.user.email, "ada@example.org");
  const { iss, amr, acr, auth_time: at } = claims(first.body.access_token);
  assert.deepEqual([iss, amr, acr], [server.auth, ["fed"], "urn:nolapse:acr:1"]);
  assert.ok(Math.abs(at - Date.now() / 1_000) < 60);

  const again = await refresh(server, (await signIn(server)).jar);
  assert.equal(again.body.session.user.id, first.body.session.user.id);
  op.signInAs("eve");
  const eve = await refresh(server, (await signIn(server)).jar);
  assert.notEqual(eve.body.session.user.id, first.body.session.user.id);

  const listed = await fetch(`${server.auth}/auth/providers`).then((response) => response.json());
  assert.deepEqual(listed, { providers: [{ name: NAME, label: NAME, mode: "own" }] });
  assert.deepEqual(op.refused, []);
  assert.doesNotMatch(server.log(), /ada@|eve@|eyJ/);
});

test("P50 a callback that comes again opens nothing and leads to the page", async (t) => {
  const { server } = await startScene(t);
  const jar = new Jar();
  const callback = await navigate(jar, signInUrl(server), (url) => url.includes("/callback?"));
  const before = jar.copy();
  const stranger = new Jar();

  const first = await send(jar, callback);
  assert.equal(first.headers.get("location"), `${server.auth}/page?a=1#part`);
  assert.ok(jar.names(server.auth).includes("__Host-Http-nolapse"));
  // Reloaded, from the history, from a tab whose cookies are those of before, and in another browser.
  for (const again of [jar, jar.copy(), before, stranger]) {
    const names = again.names(server.auth).filter((name) => !name.startsWith("__Host-nolapse-tx"));
    const response = await send(again, callback);
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), `${server.auth}/page?a=1#part`);
    assert.deepEqual(
      again.names(server.auth).filter((name) => !name.startsWith("__Host-nolapse-tx")),
      names,
    );
  }
  assert.equal((await refresh(server, jar)).status, 200);
});

test("P50 two tabs sign in side by side", async (t) => {
  const { server } = await startScene(t);
  const jar = new Jar();
  const isCallback = (/** @type {string} */ url) => url.includes("/callback?");
  const one = await navigate(jar, signInUrl(server, `${server.auth}/one`), isCallback);
  const two = await navigate(jar, signInUrl(server, `${server.auth}/two`), isCallback);

  assert.equal((await send(jar, one)).headers.get("location"), `${server.auth}/one`);
  assert.equal((await send(jar, two)).headers.get("location"), `${server.auth}/two`);
  assert.equal((await refresh(server, jar)).status, 200);
});

test("a sign-out says where the provider's own session ends, and that ends it", async (t) => {
  const { server } = await startScene(t);
  const { jar } = await signIn(server);

  const { status, body } = await post(server, jar, "/auth/sign-out");
  assert.equal(status, 200);
  const url = new URL(body.end_session_url);
  assert.ok(url.searchParams.get("id_token_hint"));
  assert.equal((await refresh(server, jar)).status, 401);
  const asked = await send(jar, url.href);
  assert.equal(asked.status, 200, await asked.text());
});

test("an address opens no account that is there, and an identity is added only while signed in", async (t) => {
  const { op, server } = await startScene(t);
  const password = "correct horse battery";
  const owner = new Jar();
  await post(server, owner, "/auth/sign-up", { email: "ada@example.org", password });

  const { end, jar } = await signIn(server);
  const query = new URL(end).searchParams;
  assert.deepEqual([query.get("nolapse_error"), query.get("nolapse_provider")], ["account_exists", NAME]);
  assert.equal((await refresh(server, jar)).status, 401);

  // Not verified: an account of its own, without an address.
  op.accounts.set("ada", { email_verified: false });
  const own = await refresh(server, (await signIn(server, new Jar())).jar);
  assert.equal(own.status, 200);
  assert.equal(own.body.session.user.email, undefined);

  // Linked while signed in: the identity is the account's from then on.
  op.signInAs("grace");
  const linked = await navigate(owner, `${signInUrl(server)}&link=1`, (url) => url.startsWith(`${server.auth}/page`));
  assert.equal(linked, `${server.auth}/page?a=1#part`);
  const again = await refresh(server, (await signIn(server, new Jar())).jar);
  assert.equal(again.body.session.user.email, "ada@example.org");
  // And no other account's.
  op.signInAs("ada");
  owner.forget(op.issuer);
  const taken = await navigate(owner, `${signInUrl(server)}&link=1`, (url) => url.startsWith(`${server.auth}/page`));
  assert.equal(new URL(taken).searchParams.get("nolapse_error"), "account_exists");
  const nobody = await send(new Jar(), `${signInUrl(server)}&link=1`);
  assert.equal(new URL(nobody.headers.get("location") ?? "").searchParams.get("nolapse_error"), "provider_refused");
});
