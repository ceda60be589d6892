/** Signatures and keys of the four algorithms, and what one of them could be taken for. */

import { createHmac, createPublicKey, createSign, generateKeyPairSync, sign as signBytes } from "node:crypto";
import { test } from "node:test";

import { judges } from "./judges.mjs";
import { ALGORITHMS, CLAIMS, encode, forgerOf } from "./tokens.mjs";

const FORGERS = ALGORITHMS.map(forgerOf);

/** The order of P-256, and of its field (SP 800-186 §3.2.1.3). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;

test("P46 part1 each algorithm is accepted with a key of its kind, whether the key names it or not", async (t) => {
  for (const { alg, forge, jwkOf } of FORGERS) {
    for (const jwk of [jwkOf(), { ...jwkOf(), alg, use: "sig" }]) {
      const { expect } = await judges(t, [jwk]);
      await expect(alg, forge(), "accepted");
      t.mock.timers.reset();
    }
  }
});

test("P46 part1 a token that names another algorithm than its key's is refused, whoever signed it", async (t) => {
  for (const own of FORGERS) {
    const { expect } = await judges(t, [{ ...own.jwkOf(), alg: own.alg }]);
    const others = FORGERS.filter(({ alg }) => alg !== own.alg);
    for (const other of others) {
      const name = `${own.alg} as ${other.alg}`;
      await expect(name, own.forge({ alg: other.alg }), "algorithm");
      await expect(`${name}, signed so`, other.forge(), "algorithm");
    }
    for (const alg of ["none", "HS256", "HS384", "HS512"]) {
      const message = own.messageOf({ alg });
      await expect(alg, `${message}.`, "algorithm");
      for (const secret of secretsOf(own)) {
        const hash = `sha${alg === "none" ? 256 : alg.slice(2)}`;
        const mac = createHmac(hash, secret).update(message).digest("base64url");
        await expect(`${own.alg} as the secret of ${alg}`, `${message}.${mac}`, "algorithm");
      }
    }
    t.mock.timers.reset();
  }
});

test("P46 part1 a key that names no algorithm verifies by those of its kind alone", async (t) => {
  for (const own of FORGERS) {
    const { expect } = await judges(t, [own.jwkOf()]);
    for (const other of FORGERS) {
      const isOfKind = other.jwkOf().kty === own.jwkOf().kty;
      await expect(`${own.alg} as ${other.alg}`, other.forge(), isOfKind ? "accepted" : "algorithm");
    }
    t.mock.timers.reset();
  }
});

test("P46 part1 one name for keys of two kinds or algorithms names none", async (t) => {
  for (const own of FORGERS)
    for (const other of FORGERS.filter(({ alg }) => alg !== own.alg)) {
      const { expect } = await judges(t, [
        { ...own.jwkOf(), alg: own.alg },
        { ...other.jwkOf(), alg: other.alg },
      ]);
      await expect(`${own.alg} beside ${other.alg}`, own.forge(), "unknown_key");
      t.mock.timers.reset();
    }
});

test("P46 part1 signatures that do not match are refused, whatever the algorithm", async (t) => {
  for (const { alg, forge, HEADER, jwkOf, messageOf, signatureOf, withSignature } of FORGERS) {
    const { expect } = await judges(t, [{ ...jwkOf(), alg }]);
    const message = messageOf();
    const bytes = signatureOf(message);
    const admin = encode(JSON.stringify({ ...CLAIMS, role: "admin" }));
    /** @type {[string, string][]} */
    const table = [
      ["stripped", `${message}.`],
      ["zeros", `${message}.${encode(Buffer.alloc(bytes.length))}`],
      ["ones", `${message}.${encode(Buffer.alloc(bytes.length, 0xff))}`],
      ["short", `${message}.${encode(bytes.subarray(0, -1))}`],
      ["a byte more", `${message}.${encode(Buffer.concat([bytes, Buffer.alloc(1)]))}`],
      ["a zero before", `${message}.${encode(Buffer.concat([Buffer.alloc(1), bytes]))}`],
      ["another key", withSignature(message, 8)],
      ["changed claims", `${encode(JSON.stringify(HEADER))}.${admin}.${encode(bytes)}`],
      ["another token's", `${message}.${forge({}, { jti: "other" }).split(".")[2]}`],
    ];
    for (const [name, token] of table) await expect(`${alg}: ${name}`, token, "signature");
    for (let place = 0; place < bytes.length; place += 1) {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ 1;
      await expect(`${alg}: bit of byte ${place}`, `${message}.${encode(flipped)}`, "signature");
    }
    t.mock.timers.reset();
  }
});

test("P46 part1 a signature of ES256 is r and s between 0 and the order, and no other form", async (t) => {
  const { keyOf, jwkOf, messageOf, signatureOf } = forgerOf("ES256");
  const { expect } = await judges(t, [jwkOf()]);
  const message = messageOf();
  const bytes = signatureOf(message);
  const [r, s] = [bytes.subarray(0, 32), bytes.subarray(32)];
  const zero = Buffer.alloc(32);
  const der = signBytes("sha256", Buffer.from(message), { key: keyOf(7), dsaEncoding: "der" });
  const sha384 = signBytes("sha384", Buffer.from(message), { key: keyOf(7), dsaEncoding: "ieee-p1363" });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
  const larger = signBytes("sha256", Buffer.from(message), { key: p384, dsaEncoding: "ieee-p1363" });
  for (const [name, signature] of Object.entries({
    DER: der,
    "SHA-384": sha384,
    "P-384": larger,
    "r = 0": Buffer.concat([zero, s]),
    "s = 0": Buffer.concat([r, zero]),
    "r = n": Buffer.concat([toBytes(N), s]),
    "s = n": Buffer.concat([r, toBytes(N)]),
    "r = s = n": Buffer.concat([toBytes(N), toBytes(N)]),
    swapped: Buffer.concat([s, r]),
    "r alone": r,
  }))
    await expect(name, `${message}.${encode(signature)}`, "signature");
});

test("P46 part1 a signature of RS256 is PKCS #1 v1.5 with SHA-256, as long as its key", async (t) => {
  const { keyOf, jwkOf, messageOf } = forgerOf("RS256");
  const { expect } = await judges(t, [jwkOf()]);
  const message = messageOf();
  const key = keyOf(7);
  for (const [name, signature] of Object.entries({
    "SHA-1": createSign("RSA-SHA1").update(message).sign(key),
    "SHA-512": createSign("RSA-SHA512").update(message).sign(key),
    PSS: createSign("RSA-SHA256").update(message).sign({ key, padding: 6, saltLength: 32 }),
  }))
    await expect(name, `${message}.${encode(signature)}`, "signature");
});

test("P46 part1 odd keys of P-256 and RSA are passed over, and the others are read", async (t) => {
  for (const [forger, odd] of /** @type {const} */ ([
    [forgerOf("ES256"), oddPoints()],
    [forgerOf("RS256"), oddModuli()],
  ])) {
    for (const [name, jwk] of odd) {
      const alone = await judges(t, [jwk]);
      await alone.expect(name, forger.forge(), "unknown_key");
      t.mock.timers.reset();
      const beside = await judges(t, [jwk, forger.jwkOf()]);
      await beside.expect(`beside ${name}`, forger.forge(), "accepted");
      t.mock.timers.reset();
    }
  }
});

/** What may be taken for the secret of a MAC: a public key in all its forms. @param {import("./tokens.mjs").Forger} forger */
function secretsOf({ jwkOf, keyOf }) {
  const key = createPublicKey(keyOf(7));
  const { x, n } = /** @type {{ x?: string, n?: string }} */ (jwkOf());
  return [
    key.export({ format: "pem", type: "spki" }),
    key.export({ format: "der", type: "spki" }),
    Buffer.from(`${x ?? n}`, "base64url"),
    JSON.stringify(jwkOf()),
    "",
  ];
}

/** Keys that are none of P-256. @returns {[string, object][]} */
function oddPoints() {
  const jwk = /** @type {{ x: string, y: string }} */ (/** @type {unknown} */ (forgerOf("ES256").jwkOf()));
  const p384 = createPublicKey(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey).export({ format: "jwk" });
  const flipped = Buffer.from(jwk.y, "base64url");
  flipped[31] = (flipped[31] ?? 0) ^ 1;
  const zero = encode(Buffer.alloc(32));
  return [
    ["P-384", { ...p384, kid: "k1" }],
    ["P-384 under the name of P-256", { ...p384, crv: "P-256", kid: "k1" }],
    ["P-256 under the name of P-384", { ...jwk, crv: "P-384" }],
    ["no curve", { ...jwk, crv: undefined }],
    ["not on the curve", { ...jwk, y: encode(flipped) }],
    ["swapped", { ...jwk, x: jwk.y, y: jwk.x }],
    ["zero", { ...jwk, x: zero, y: zero }],
    ["x = p", { ...jwk, x: encode(toBytes(P)) }],
    ["no y", { ...jwk, y: undefined }],
    ["a short x", { ...jwk, x: encode(Buffer.from(jwk.x, "base64url").subarray(1)) }],
    ["a long x", { ...jwk, x: encode(Buffer.concat([Buffer.alloc(1), Buffer.from(jwk.x, "base64url")])) }],
    ["padding", { ...jwk, x: `${jwk.x}=` }],
    ["another alg", { ...jwk, alg: "ES384" }],
    ["a private key", { ...jwk, d: zero }],
  ];
}

/** Keys of RSA that are too weak, or spelt in another way. @returns {[string, object][]} */
function oddModuli() {
  const jwk = /** @type {{ n: string }} */ (/** @type {unknown} */ (forgerOf("RS256").jwkOf()));
  const n = Buffer.from(jwk.n, "base64url");
  const even = Buffer.from(n);
  even[255] = (even[255] ?? 0) & 0xfe;
  /** @param {number} modulusLength */
  const sized = (modulusLength) => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength });
    return { ...publicKey.export({ format: "jwk" }), kid: "k1" };
  };
  return [
    ["1,024 bits", sized(1_024)],
    ["2,040 bits", sized(2_040)],
    ["4,104 bits", { ...jwk, n: encode(Buffer.alloc(513, 0xff)) }],
    ["e = 3", { ...jwk, e: "Aw" }],
    ["e = 1", { ...jwk, e: "AQ" }],
    ["e with a zero", { ...jwk, e: "AAEAAQ" }],
    ["no e", { ...jwk, e: undefined }],
    ["n with a zero", { ...jwk, n: encode(Buffer.concat([Buffer.alloc(1), n])) }],
    ["an even n", { ...jwk, n: encode(even) }],
    ["no n", { ...jwk, n: "" }],
    ["padding", { ...jwk, n: `${jwk.n}==` }],
    ["another alg", { ...jwk, alg: "RS512" }],
    ["PS256", { ...jwk, alg: "PS256" }],
    ["for encryption", { ...jwk, use: "enc" }],
    ...["d", "p", "q", "dp", "dq", "qi", "oth"].map(
      (name) => /** @type {[string, object]} */ ([name, { ...jwk, [name]: "AQAB" }]),
    ),
  ];
}

/** @param {bigint} number */
function toBytes(number) {
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex");
}
