import assert from "node:assert/strict";
import { test } from "node:test";

import { judges } from "./judges.mjs";
import { AUDIENCE, CLAIMS, encode, forge, HEADER, ISSUER, NOW, sign, withSignature } from "./tokens.mjs";

test("P46 a good token is accepted by nolapse/server from its first to its last moment", async (t) => {
  const { judge } = await judges(t);

  assert.equal(await judge(forge()), "accepted");
  t.mock.timers.setTime((NOW + 60) * 1_000 - 1);
  assert.equal(await judge(forge()), "accepted");
  t.mock.timers.setTime((NOW + 60) * 1_000);
  assert.equal(await judge(forge()), "expired", "no leeway");
  t.mock.timers.setTime((NOW - 5) * 1_000);
  assert.equal(await judge(forge()), "accepted", "five seconds of leeway");
  t.mock.timers.setTime((NOW - 5) * 1_000 - 1);
  assert.equal(await judge(forge()), "early");
});

test("P46 tokens that may be spelt differently are accepted by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const [header, claims] = [JSON.stringify(HEADER), JSON.stringify(CLAIMS)];

  for (const token of [
    forge({}, { aud: ["https://other.example", AUDIENCE] }),
    forge({ typ: "application/AT+JWT" }),
    forge({}, { nbf: undefined }),
    forge({}, { nbf: NOW + 5 }),
    forge({}, { auth_time: 0 }),
    forge({}, { exp: NOW + 1.9 }),
    forge({}, { acr: "urn:x", amr: ["pwd", "otp"] }),
    forge({}, { amr: [] }),
    forge({}, { context: "org_1", other: [null, { a: true }] }),
    sign(header, ` \n\t${claims}\r\n `),
    sign(header, claims.replace("{", '{"Exp":1,"EXP":2,')),
    ...["", "x", "xx"].map((pad) => forge({}, { pad })),
  ]) {
    await expect(token, token, "accepted");
  }
});

test("P46 headers with another algorithm, type, key or parameter are refused by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const odd = [null, 1, true, [], {}, ["k1"]];
  /** @type {[string, unknown, string][]} */
  const table = [
    ...[
      "none",
      "None",
      "HS256",
      "HS512",
      "ES384",
      "ES256K",
      "PS256",
      "RS512",
      "Ed448",
      "",
      "es256",
      "ES256 ",
      "ES256\0",
    ].map((alg) => /** @type {[string, unknown, string]} */ (["alg", alg, "algorithm"])),
    ...["JWT", "", "jwt", "at+jwt ", " at+jwt", "at+JWT;v=1", "text/at+jwt", "at-jwt", "at+\u02c7jwt"].map(
      (typ) => /** @type {[string, unknown, string]} */ (["typ", typ, "type"]),
    ),
    ...["k2", "../../dev/null", "' OR 1=1 --", "", "K1", "k1 ", "k1\0", "__proto__", "constructor"].map(
      (kid) => /** @type {[string, unknown, string]} */ (["kid", kid, "unknown_key"]),
    ),
    ["kid", "k".repeat(300), "malformed"],
    ...odd.flatMap(
      (value) =>
        /** @type {[string, unknown, string][]} */ ([
          ["alg", value, "malformed"],
          ["typ", value, "type"],
          ["kid", value, "malformed"],
        ]),
    ),
    ...[
      "crit",
      "b64",
      "zip",
      "jwk",
      "jku",
      "x5u",
      "x5c",
      "x5t",
      "x5t#S256",
      "enc",
      "epk",
      "cty",
      "exp",
      "Kid",
      "ALG",
      "",
    ].map((name) => /** @type {[string, unknown, string]} */ ([name, name === "b64" ? false : [], "header"])),
    ["alg", undefined, "malformed"],
    ["typ", undefined, "type"],
    ["kid", undefined, "malformed"],
  ];
  for (const [name, value, code] of table)
    await expect(`${name}: ${JSON.stringify(value)}`, forge({ [name]: value }), code);
  const polluting = JSON.stringify(HEADER).replace("{", '{"__proto__":{"alg":"none"},');
  await expect("__proto__", sign(polluting, JSON.stringify(CLAIMS)), "header");
});

test("P46 claims that are wrong, missing or of another type are refused by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const odd = [null, true, [], {}, ["u"], 7, "", "u\0", "u\nv", "\u007f", undefined];
  /** @type {[string, unknown, string][]} */
  const table = [
    ["iss", `${ISSUER}/`, "issuer"],
    ...["", `${AUDIENCE}/`, "HTTPS://api.example.com", " ", ["a", "b"], []].map(
      (aud) => /** @type {[string, unknown, string]} */ (["aud", aud, "audience"]),
    ),
    ...[null, {}, 1, [1], [AUDIENCE, null], undefined].map(
      (aud) => /** @type {[string, unknown, string]} */ (["aud", aud, "malformed"]),
    ),
    ...["iss", "sub", "sid", "jti", "client_id", "role"].flatMap((name) =>
      odd.map((value) => /** @type {[string, unknown, string]} */ ([name, value, "malformed"])),
    ),
    ...["context", "acr"].flatMap((name) =>
      odd.slice(0, -1).map((value) => /** @type {[string, unknown, string]} */ ([name, value, "malformed"])),
    ),
    ...[null, true, {}, 7, "pwd", [7], [["pwd"]], ["pwd", ""], ["pwd", "o\0"]].map(
      (value) => /** @type {[string, unknown, string]} */ (["amr", value, "malformed"]),
    ),
    ...["exp", "iat", "nbf", "auth_time"].flatMap((name) =>
      [null, true, [], {}, "1800000000", -1, -0.5, 1e300, 2 ** 64, 9e15].map(
        (value) => /** @type {[string, unknown, string]} */ ([name, value, "malformed"]),
      ),
    ),
    ["exp", undefined, "malformed"],
    ["iat", undefined, "malformed"],
    ["exp", NOW, "expired"],
    ["exp", NOW - 1, "expired"],
    ["exp", NOW + 0.9, "expired"],
    ["iat", NOW + 30, "early"],
    ["iat", NOW + 60, "expired"],
    ["iat", NOW + 61, "expired"],
    ["nbf", NOW + 30, "early"],
    ["nbf", NOW + 5.1, "early"],
    ["nbf", NOW + 60, "expired"],
  ];
  for (const [name, value, code] of table)
    await expect(`${name}: ${JSON.stringify(value)}`, forge({}, { [name]: value }), code);
});

test("P46 members that are doubled in any spelling are refused by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const [header, claims] = [JSON.stringify(HEADER), JSON.stringify(CLAIMS)];
  /** @param {string} text @param {string} more */
  const both = (text, more) => [text.replace("{", `{${more},`), text.replace(/\}$/, `,${more}}`)];

  for (const more of ['"alg":"ES256"', '"al\\u0067":"ES256"', '"kid":"k1"', '"typ":"at+jwt"', '"crit":[],"crit":[]'])
    for (const text of both(header, more)) await expect(text, sign(text, claims), "malformed");
  for (const more of [
    '"exp":9999999999',
    '"ex\\u0070":9999999999',
    '"\\u0065xp":9999999999',
    '"aud":"https://evil.example"',
    '"iss":null',
    '"role":"admin"',
    '"sub" : "someone"',
    '"a":{"b":[{"c":1,"c":1}]}',
    '"extra":[{"a":1,"\\u0061":2}]',
    '"a":1,"a":1',
    '"":1,"":2',
    '"__proto__":1,"__proto__":2',
    '"q\\"":1,"q\\u0022":2',
  ])
    for (const text of both(claims, more)) await expect(text, sign(header, text), "malformed");
  const once = '"a":{"b":1,"c":[{"b":1},{"b":2}]},"b":"a:,{}","c":"\\\\"';
  for (const text of both(claims, once)) await expect(text, sign(header, text), "accepted");
});

test("P46 bytes that are no JSON object in UTF-8 are refused by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const [head, body] = [Buffer.from(JSON.stringify(HEADER)), Buffer.from(JSON.stringify(CLAIMS))];
  /** @type {[string, string | Buffer][]} */
  const table = [
    ["a BOM", `\ufeff${body}`],
    ["UTF-16", Buffer.from(`${body}`, "utf16le")],
    ["invalid UTF-8", Buffer.from(body.map((byte) => (byte === 0x75 ? 0xff : byte)))],
    ["a NUL behind", `${body}\0`],
    ["a second object", `${body}{}`],
    ["a comma behind", `${body},`],
    ["a comment", `${body}//`],
    ["nothing", ""],
    ["null", "null"],
    ["a text", '"{}"'],
    ["a list", `[${body}]`],
    ["deep objects", `{"a":${'{"a":'.repeat(200)}1${"}".repeat(200)}}`],
    ["deep lists", `{"a":${"[".repeat(1_000)}${"]".repeat(1_000)}}`],
    ...[
      '{"iss":"\\ud800"}',
      "{'iss':1}",
      '{"exp":01}',
      '{"exp":+1}',
      '{"exp":NaN}',
      '{"exp":1e999}',
      '{"exp":0x10}',
    ].map((text) => /** @type {[string, string]} */ ([text, text])),
    ...['{"iss":"a\tb"}', '{"iss":"\\x41"}', "{iss:1}", "{", "[]"].map(
      (text) => /** @type {[string, string]} */ ([text, text]),
    ),
  ];
  for (const [name, bytes] of table) {
    await expect(name, sign(head, bytes), "malformed");
    await expect(name, sign(bytes, body), "malformed");
  }
  for (const [depth, code] of /** @type {[number, string][]} */ ([
    [126, "accepted"],
    [127, "malformed"],
  ])) {
    const deep = `${body}`.replace("{", `{"deep":${"[".repeat(depth)}${"]".repeat(depth)},`);
    await expect(`${depth} levels`, sign(head, deep), code);
  }
});

test("P46 texts and numbers that readers read in different ways are refused by nolapse/server, wherever they are", async (t) => {
  const { expect } = await judges(t);
  const [header, claims] = [JSON.stringify(HEADER), JSON.stringify(CLAIMS)];
  for (const [value, code] of [
    ['"\\ud800"', "malformed"],
    ['"\\udc00\\ud800"', "malformed"],
    ['{"\\udfff":1}', "malformed"],
    ['"\\ud83d\\ude00"', "accepted"],
    ["1e999", "malformed"],
    ["[-1e999]", "malformed"],
    ["1e308", "accepted"],
    ["123456789012345678901234567890", "accepted"],
    ["-0.0e-999", "accepted"],
  ])
    await expect(`${value}`, sign(header, claims.replace("{", `{"other":${value},`)), `${code}`);
});

test("P46 base64url in another spelling than the canonical is refused by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const good = forge();
  const [head = "", body = "", signature = ""] = good.split(".");
  const rest = `${body}.${signature}`;
  for (const bent of [
    ...[`${head}=`, `${head}==`, `${head} `, `${head}\n`, `${head}\0`, `${head}A`, ""].map(
      (first) => `${first}.${rest}`,
    ),
    ...["=", "\n", " ", "."].map((behind) => `${good}${behind}`),
    ...["", ".", "..", "...", "a.b", "a.b.c.d.e", `\ufeff${good}`, ` ${good}`, `${good}.x`, `${head}.${body}`],
    ...["..", "\uff0e", "%2E"].map((dot) => good.replaceAll(".", dot)),
    good.replaceAll("_", "/").replaceAll("e", "+"),
  ])
    await expect(bent, bent, "malformed");
  const claims = JSON.stringify({
    ...CLAIMS,
    pad: "x".repeat((3 - (JSON.stringify({ ...CLAIMS, pad: "" }).length % 3) + 1) % 3),
  });
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const segment = encode(claims);
  assert.notEqual(segment.length % 4, 0, "its last character has bits without a meaning");
  const bent = `${segment.slice(0, -1)}${alphabet[alphabet.indexOf(segment.at(-1) ?? "") | 1]}`;
  await expect("unused bits", withSignature(`${head}.${bent}`), "malformed");
  await expect("large", forge({}, { extra: "x".repeat(4_096) }), "oversize");
  await expect("huge", "a".repeat(1_000_000), "oversize");
  await expect("large in bytes", "\u20ac".repeat(2_000), "oversize");
});
