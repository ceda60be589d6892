import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

const ISSUER = "https://auth.example.com";
const AUDIENCE = "https://api.example.com";

/** An Ed25519 key with a known seed, as PKCS #8. */
const KEY = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]),
  format: "der",
  type: "pkcs8",
});
const JWK = { ...createPublicKey(KEY).export({ format: "jwk" }), kid: "k1" };
const HEADER = { alg: "Ed25519", typ: "at+jwt", kid: "k1" };
const CLAIMS = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: "u",
  sid: "s",
  jti: "j",
  client_id: "web",
  role: "member",
  iat: 1_800_000_000,
  exp: 1_800_000_060,
};

/**
 * Signs any header and claims.
 *
 * @param {object | string} header
 * @param {object | string} claims
 * @param {(message: Buffer) => Buffer} [signed]
 */
function forge(header, claims, signed = (message) => sign(null, message, KEY)) {
  const parts = [header, claims].map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
  const message = parts.map((part) => Buffer.from(part).toString("base64url")).join(".");
  return `${message}.${signed(Buffer.from(message)).toString("base64url")}`;
}

/**
 * A good token by an algorithm of NIST, and its key.
 *
 * @param {string} alg
 * @returns {[token: string, keys: object[], code: string]}
 */
function byNist(alg) {
  const { privateKey: key, publicKey } =
    alg === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const signed = (/** @type {Buffer} */ message) => sign("sha256", message, { key, dsaEncoding: "ieee-p1363" });
  const token = forge({ ...HEADER, alg }, CLAIMS, signed);
  return [token, [{ ...publicKey.export({ format: "jwk" }), kid: "k1" }], "accepted"];
}

/** A signature of the identity point with S = 0, which fits every message under a key of small order. */
const IDENTITY = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
const WEAK = { kty: "OKP", crv: "Ed25519", kid: "k1", x: IDENTITY.subarray(0, 32).toString("base64url") };

/** Tokens, the sets that they are verified with, and what becomes of them. @type {[name: string, token: string, keys: readonly object[], code: string][]} */
const TABLE = [
  ["good", forge(HEADER, CLAIMS), [JWK], "accepted"],
  ["beside odd keys", forge(HEADER, CLAIMS), [{ kty: 1 }, { ...JWK, d: "x" }, WEAK, JWK], "accepted"],
  ["small order", forge(HEADER, CLAIMS, () => IDENTITY), [WEAK], "unknown_key"],
  ["identity", forge(HEADER, CLAIMS, () => IDENTITY), [JWK], "signature"],
  ["doubled", forge(HEADER, JSON.stringify(CLAIMS).replace("{", '{"ex\\u0070":9999999999,')), [JWK], "malformed"],
  ["doubled inside", forge(HEADER, JSON.stringify(CLAIMS).replace("{", '{"a":{"b":1,"b":1},')), [JWK], "malformed"],
  ["none", forge({ ...HEADER, alg: "none" }, CLAIMS), [JWK], "algorithm"],
  ["EdDSA", forge({ ...HEADER, alg: "EdDSA" }, CLAIMS), [JWK], "accepted"],
  ["EdDSA for Ed25519", forge({ ...HEADER, alg: "EdDSA" }, CLAIMS), [{ ...JWK, alg: "Ed25519" }], "algorithm"],
  ["ES256 for Ed25519", forge({ ...HEADER, alg: "ES256" }, CLAIMS), [JWK], "algorithm"],
  ...["ES256", "RS256"].map((alg) => /** @type {[string, string, object[], string]} */ ([alg, ...byNist(alg)])),
  ["JWT", forge({ ...HEADER, typ: "JWT" }, CLAIMS), [JWK], "type"],
  ...["crit", "b64", "zip", "jwk", "jku", "x5u", "x5c"].map(
    (name) =>
      /** @type {[string, string, object[], string]} */ ([
        name,
        forge({ ...HEADER, [name]: [] }, CLAIMS),
        [JWK],
        "header",
      ]),
  ),
  ["kid list", forge({ ...HEADER, kid: ["k1"] }, CLAIMS), [JWK], "malformed"],
  ["unknown kid", forge({ ...HEADER, kid: "k2" }, CLAIMS), [JWK], "unknown_key"],
  ["ambiguous kid", forge(HEADER, CLAIMS), [JWK, { ...JWK, x: `${"B".repeat(42)}A` }, otherKey()], "unknown_key"],
  ["issuer", forge(HEADER, { ...CLAIMS, iss: `${ISSUER}/` }), [JWK], "issuer"],
  ["no issuer", forge(HEADER, { ...CLAIMS, iss: undefined }), [JWK], "malformed"],
  ["audience", forge(HEADER, { ...CLAIMS, aud: ["a"] }), [JWK], "audience"],
  ["no audience", forge(HEADER, { ...CLAIMS, aud: undefined }), [JWK], "malformed"],
  ["exp text", forge(HEADER, { ...CLAIMS, exp: "1800000060" }), [JWK], "malformed"],
  ["exp before iat", forge(HEADER, { ...CLAIMS, exp: 1_799_999_999 }), [JWK], "expired"],
  ["padding", `${forge(HEADER, CLAIMS)}=`, [JWK], "malformed"],
  ["oversize", forge(HEADER, { ...CLAIMS, pad: "x".repeat(4_096) }), [JWK], "oversize"],
];

/** Another valid key with the same id. */
function otherKey() {
  const seed = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 8)]);
  const key = createPrivateKey({ key: seed, format: "der", type: "pkcs8" });
  return { ...createPublicKey(key).export({ format: "jwk" }), kid: "k1" };
}

test("nolapse/verify checks the signature and hands out the claims", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);
  await page.evaluate(
    async (options) => {
      /** @type {typeof import("nolapse/verify")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/verify.js"));
      window.session = /** @type {typeof window.session} */ (createSession(options));
      await window.session.ready;
    },
    { auth: server.auth, allowedOrigins: [server.api] },
  );
  await signIn(page, newUser(), "sign-up");

  const seen = await page.evaluate(
    async (issuer, audience) => {
      /** @type {typeof import("nolapse/verify")} */
      const { claims } = await import(/** @type {string} */ ("/nolapse/verify.js"));
      const jwks = "/.well-known/jwks.json";
      const wanted = { jwks, issuer, audience };
      const good = await claims(window.session, wanted);
      /** @param {object} options */
      const refusal = (options) =>
        claims(window.session, /** @type {Parameters<typeof claims>[1]} */ (options)).then(
          () => "accepted",
          (error) => `${error.name} ${error.code} ${error.option} ${error.cause?.code}: ${error.message}`,
        );
      const { status } = window.session;
      const inherited = Object.create({ issuer });
      return {
        good,
        user: status.state === "signed_in" ? status.user.id : "",
        issuer: await refusal({ ...wanted, issuer: "https://evil.example" }),
        audience: await refusal({ ...wanted, audience: "https://evil.example" }),
        keys: await refusal({ ...wanted, jwks: { keys: [] } }),
        set: await refusal({ ...wanted, jwks: "/blank.html" }),
        missing: await refusal({ ...wanted, jwks: "/nowhere" }),
        plain: await refusal({ ...wanted, jwks: "http://auth.example.com/jwks.json" }),
        noIssuer: await refusal({ jwks, audience }),
        emptyIssuer: await refusal({ jwks, audience, issuer: "" }),
        inherited: await refusal(Object.assign(inherited, { jwks, audience })),
        noAudience: await refusal({ jwks, issuer }),
        noKeys: await refusal({ issuer, audience }),
      };
    },
    server.auth,
    server.api,
  );

  assert.equal(seen.good.sub, seen.user);
  assert.deepEqual(seen.good.aud, [server.api]);
  assert.equal(seen.good.exp - seen.good.iat, 60);
  assert.equal(seen.good.role, "member");
  assert.equal(typeof seen.good.sid, "string");
  assert.match(seen.issuer, /^SessionError misconfigured null issuer: another issuer/);
  assert.match(seen.audience, /^SessionError misconfigured null audience: the access token is meant for another/);
  assert.match(seen.keys, /^SessionError misconfigured null unknown_key: .*does not publish/);
  assert.match(seen.set, /^SessionError misconfigured null key_set: /);
  assert.match(seen.missing, /^SessionError misconfigured null undefined: .*status 404/);
  assert.match(seen.plain, /^SessionError misconfigured null undefined: .*https:\/\//);
  for (const text of [seen.noIssuer, seen.emptyIssuer, seen.inherited])
    assert.match(text, /^SessionError misconfigured issuer undefined: issuer must be/);
  assert.match(seen.noAudience, /^SessionError misconfigured audience undefined: audience must be/);
  assert.match(seen.noKeys, /^SessionError misconfigured jwks undefined: jwks must be/);
});

test("P46 nolapse/verify refuses forged tokens by the server's own codes", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);

  const seen = await page.evaluate(
    async (table, issuer, audience) => {
      /** @type {typeof import("nolapse/verify")} */
      const { claims } = await import(/** @type {string} */ ("/nolapse/verify.js"));
      /** @type {{ [name: string]: string }} */
      const codes = {};
      for (const [name, token, keys] of table) {
        const session = { getToken: async () => token };
        codes[name] = await claims(session, { jwks: { keys }, issuer, audience }).then(
          () => "accepted",
          (error) => String(error.cause?.code ?? error),
        );
      }
      return codes;
    },
    TABLE,
    ISSUER,
    AUDIENCE,
  );

  assert.deepEqual(seen, Object.fromEntries(TABLE.map(([name, , , code]) => [name, code])));
});
