import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { startKeyServer } from "../e2e/harness/key-server.mjs";
import { importServer } from "./package.mjs";
import { AUDIENCE, CLAIMS, encode, forgerOf, ISSUER, NOW } from "./tokens.mjs";

/** Keys of Ed25519, for what is the same for all; `algorithms.test.mjs` has the entries of the other kinds. */
const { forge, HEADER, jwkOf, keyOf, sign } = forgerOf("Ed25519");

const JWK = jwkOf();

/**
 * Returns a function that judges a good token, as of {@link NOW}, with that key set.
 *
 * @param {import("node:test").TestContext} t
 */
async function judgeWith(t) {
  const { createVerifier } = await importServer(t);
  t.mock.timers.enable({ apis: ["Date"], now: NOW * 1_000 });
  /** @param {readonly unknown[]} keys */
  return (keys) =>
    createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys: /** @type {object[]} */ (keys) } })
      .verify(forge())
      .then(
        () => "accepted",
        ({ code }) => code,
      );
}

/**
 * Starts a server of key sets that counts requests, and a verifier at it whose clock moves only when it is set.
 *
 * @param {import("node:test").TestContext} t
 */
async function keyServer(t) {
  const { told, pass, url } = await startKeyServer(t, JSON.stringify({ keys: [JWK] }));
  t.mock.timers.enable({ apis: ["Date"], now: NOW * 1_000 });
  const { createVerifier } = await importServer(t);
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: url });
  /** @param {string} [token] */
  const judge = (token = forge()) =>
    verifier.verify(token).then(
      () => "accepted",
      ({ code }) => code,
    );
  return { told, url, judge, pass };
}

test("P46 an odd entry of a key set is passed over by nolapse/server, and the others are read", async (t) => {
  const judge = await judgeWith(t);
  const off = Buffer.alloc(32, 0);
  off[0] = 2;
  const unreduced = Buffer.alloc(32, 0xff);
  unreduced.set([0xed + 3], 0);
  unreduced.set([0x7f], 31);
  for (const odd of [
    ...[null, 1, "key", [], {}, [JWK]],
    ...["RSA", ["OKP"], "okp", undefined].map((kty) => ({ ...JWK, kty })),
    ...["X25519", 1, undefined].map((crv) => ({ ...JWK, crv })),
    ...[null, "", "!!", `${JWK.x}=`, ` ${JWK.x}`, "A".repeat(43), encode(off), encode(unreduced), undefined].map(
      (x) => ({
        ...JWK,
        x,
      }),
    ),
    ...[1, ["k1"], undefined].map((kid) => ({ ...JWK, kid })),
    ...["enc", null, ["sig"]].map((use) => ({ ...JWK, use })),
    ...["ES256", "none", 1].map((alg) => ({ ...JWK, alg })),
    ...[["sign"], [], "verify", ["verify", "verify"], ["verify", 1]].map((key_ops) => ({ ...JWK, key_ops })),
    ...["secret", null].map((d) => ({ ...JWK, d })),
    { ...JWK, k: "secret" },
  ]) {
    const name = JSON.stringify(odd);
    assert.equal(await judge([odd]), "unknown_key", name);
    assert.equal(await judge([odd, JWK]), "accepted", name);
    assert.equal(await judge([JWK, odd]), "accepted", name);
  }
  for (const more of [{ use: "sig" }, { alg: "Ed25519" }, { key_ops: ["verify"] }, { x5c: [1] }, { exp: 0 }])
    assert.equal(await judge([{ ...JWK, ...more }]), "accepted", JSON.stringify(more));
});

test("P46 one name for two keys names none at nolapse/server, and a set has bounds", async (t) => {
  const judge = await judgeWith(t);
  const other = jwkOf(8);

  assert.equal(await judge([JWK, JWK]), "accepted");
  for (const keys of [
    [JWK, other],
    [other, JWK],
    [JWK, other, JWK],
  ])
    assert.equal(await judge(keys), "unknown_key");
  const many = Array.from({ length: 99 }, () => ({ kty: "RSA" }));
  assert.equal(await judge([...many, JWK]), "accepted");
  assert.equal(await judge([...many, {}, JWK]), "unknown_key");
  const named = Array.from({ length: 16 }, (_, index) => ({ ...jwkOf(index + 100), kid: `o${index}` }));
  assert.equal(await judge([...named.slice(1), JWK]), "accepted");
  assert.equal(await judge([...named, JWK]), "unknown_key");
});

test("P46 what is no key set, or is redirected, is not used by nolapse/server", async (t) => {
  const elsewhere = await keyServer(t);
  const own = JSON.stringify(JWK);
  const keys = `"keys":[${own}]`;
  t.mock.restoreAll();
  for (const wrong of [
    ...["", "null", "[]", "{}", '{"keys":{}}', '{"keys":null}', '{"Keys":[]}', "<html>", `{${keys}}x`].map((body) => ({
      body,
    })),
    { body: `{${keys},${keys}}` },
    { body: `\ufeff{${keys}}` },
    { body: `{"pad":"${"x".repeat(65_536)}",${keys}}` },
    { body: Buffer.concat([Buffer.from(`{"pad":"`), Buffer.from([0xff]), Buffer.from(`",${keys}}`)]) },
    ...[302, 307, 308].map((status) => ({ status, headers: { location: elsewhere.url } })),
    ...[404, 500, 304].map((status) => ({ status })),
  ]) {
    t.mock.timers.reset();
    const { told, judge } = await keyServer(t);
    Object.assign(told, wrong);
    assert.equal(await judge(), "no_keys", JSON.stringify(wrong).slice(0, 80));
    t.mock.restoreAll();
  }
  assert.equal(elsewhere.told.asked, 0);
  t.mock.timers.reset();
  const { told, judge } = await keyServer(t);
  const doubled = own.replace("{", '{"kid":"k1",');
  told.body = `{"pad":"${"x".repeat(60_000)}","keys":[${doubled},${own}]}`;
  assert.equal(await judge(), "accepted", "a doubled member spoils its entry alone");
});

test("P46 an entry of a key set that names a member twice is of no use to nolapse/server", async (t) => {
  const { told, judge } = await keyServer(t);
  told.body = `{"keys":[${JSON.stringify(JWK).replace("{", '{"kid":"k1",')}]}`;

  assert.equal(await judge(), "unknown_key");
});

test("P46 nolapse/server reads no more of a key set than it may have", async (t) => {
  const server = createServer((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(" ".repeat(65_536)));
    };
    response.writeHead(200).on("drain", more);
    more();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  t.after(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens on a port");
  const { createVerifier } = await importServer(t);
  const jwks = `http://127.0.0.1:${address.port}/`;

  const error = await createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks })
    .verify(forge())
    .catch((error) => error);

  assert.equal(error.code, "no_keys");
  assert.match(`${error.cause}`, /larger than 64 KiB/);
});

test("P46 nolapse/server caches a key set, and asks for an unknown key once in ten seconds", async (t) => {
  const { told, judge, pass } = await keyServer(t);
  told.headers = { "cache-control": "max-age=60" };
  const next = sign(JSON.stringify({ ...HEADER, kid: "k2" }), JSON.stringify(CLAIMS));

  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => judge()))), new Set(["accepted"]));
  assert.equal(told.asked, 1);
  for (let call = 0; call < 20; call += 1) assert.equal(await judge(next), "unknown_key");
  assert.equal(told.asked, 1, "it was fetched a moment ago");
  told.body = JSON.stringify({ keys: [JWK, { ...JWK, kid: "k2" }] });
  pass(10);
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => judge(next)))), new Set(["accepted"]));
  assert.equal(told.asked, 2);
  pass(59);
  await judge();
  assert.equal(told.asked, 2);
  pass(1);
  await judge();
  assert.equal(told.asked, 3);
});

test("P46 while the auth server is away nolapse/server goes on with the last keys for a day", async (t) => {
  const { told, judge, pass } = await keyServer(t);
  await judge();
  for (const wrong of [{ status: 503 }, { status: 200, body: "<html>" }]) Object.assign(told, wrong);

  for (let hour = 0; hour < 23; hour += 1) {
    pass(3_600);
    for (let call = 0; call < 20; call += 1) assert.equal(await judge(), "accepted");
  }
  assert.ok(told.asked <= 25, `${told.asked} requests`);
  pass(3_601);
  assert.equal(await judge(), "no_keys");
  Object.assign(told, { status: 200, body: JSON.stringify({ keys: [JWK] }) });
  pass(10);
  assert.equal(await judge(), "accepted");
});

test("a verifier without what it needs is a TypeError that names the option, and tells no password", async (t) => {
  const { createVerifier } = await importServer(t);
  const good = { issuer: ISSUER, audience: AUDIENCE };
  /** @type {[string, unknown][]} */
  const table = [
    ["issuer", undefined],
    ["issuer", ""],
    ["audience", undefined],
    ["audience", [AUDIENCE]],
    ["maxAge", "300"],
    ["maxAge", -1],
    ["maxAge", Number.NaN],
    ...[1, {}, { keys: 1 }, "", "/keys", "ftp://localhost/keys", "data:application/json,{}"].map(
      (jwks) => /** @type {[string, unknown]} */ (["jwks", jwks]),
    ),
    ...["http://auth.example.com/keys", "http://127.0.0.1.example.com/", "https://ada:secret@auth.example.com/"].map(
      (jwks) => /** @type {[string, unknown]} */ (["jwks", jwks]),
    ),
  ];
  for (const [option, value] of table) {
    const options = /** @type {Parameters<typeof createVerifier>[0]} */ ({ ...good, [option]: value });
    assert.throws(
      () => createVerifier(options),
      (error) => {
        assert.ok(error instanceof TypeError && error.message.startsWith(option), `${option}: ${value}: ${error}`);
        assert.ok(!error.message.includes("secret"));
        return true;
      },
    );
  }
  const inherited = Object.create(good);
  assert.throws(() => createVerifier(inherited), /^TypeError: issuer/);
  assert.throws(() => createVerifier({ issuer: "not a URL", audience: AUDIENCE }), /^TypeError: jwks/);
});

test("keys of all seeds are points of the curve", async (t) => {
  const judge = await judgeWith(t);
  // Each has a signature, so each is a key of the curve; a wrong criterion would refuse about half of them.
  for (let seed = 0; seed < 64; seed += 1) {
    assert.equal(keyOf(seed).asymmetricKeyType, "ed25519");
    const refused = await judge([jwkOf(seed)]);
    assert.equal(refused, seed === 7 ? "accepted" : "signature", `${seed}`);
  }
});
