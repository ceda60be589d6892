import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { test } from "node:test";

import { judges } from "./judges.mjs";
import { encode, forgerOf } from "./tokens.mjs";

const { forge, jwkOf, keyOf, messageOf, signatureOf } = forgerOf("Ed25519");

test("P46 another spelling of a good signature of Ed25519 is refused by nolapse/server", async (t) => {
  const { expect } = await judges(t, [jwkOf()]);
  const message = messageOf();

  await expect("good", forge(), "accepted");
  await expect("S + L", `${message}.${encode(withOrderAdded(signatureOf(message)))}`, "signature");
});

test("P46 keys and signatures of small order verify nothing at nolapse/server", async (t) => {
  const weak = smallOrder().map((point, index) => ({ kty: "OKP", crv: "Ed25519", kid: `w${index}`, x: encode(point) }));
  const { expect } = await judges(t, [...weak, jwkOf()]);
  for (const first of smallOrder()) {
    const signature = encode(Buffer.concat([first, Buffer.alloc(32)]));
    for (const { kid } of weak)
      await expect(`${kid} ${signature}`, `${messageOf({ kid })}.${signature}`, "unknown_key");
    await expect(signature, `${messageOf()}.${signature}`, "signature");
  }
});

test("P46 a signature whose R is of small order is refused by nolapse/server, though its key has made it", async (t) => {
  const { expect } = await judges(t, [jwkOf()]);
  const message = messageOf();
  // With r = 0, R is the neutral element and S = k·a (RFC 8032 §5.1.6).
  const neutral = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]);
  const k = hashOf(neutral, Buffer.from(`${jwkOf().x}`, "base64url"), Buffer.from(message)) % ORDER;
  const signature = Buffer.concat([neutral, toBytes((k * secretScalar(7)) % ORDER)]);

  assert.ok(
    verify(null, Buffer.from(message), createPublicKey(keyOf(7)), signature),
    "by a reader that is less strict",
  );
  await expect("neutral R", `${message}.${encode(signature)}`, "signature");
});

/** The order of the base point. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** SHA-512 as a number, little-endian. @param {readonly Buffer[]} parts */
function hashOf(...parts) {
  return toNumber(createHash("sha512").update(Buffer.concat(parts)).digest());
}

/** The secret scalar of the key with a seed of that byte (RFC 8032 §5.1.5). @param {number} seed */
function secretScalar(seed) {
  const half = createHash("sha512").update(Buffer.alloc(32, seed)).digest().subarray(0, 32);
  const low = toNumber(half) % 2n ** 254n;
  return 2n ** 254n + low - (low % 8n);
}

/** @param {Buffer} bytes */
function toNumber(bytes) {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

/** @param {bigint} number */
function toBytes(number) {
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex").reverse();
}

/** The encodings of points of small order, canonical and not. */
function smallOrder() {
  const hex = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  return hex.flatMap((text) => {
    const [positive, negative] = [Buffer.from(text, "hex"), Buffer.from(text, "hex")];
    negative[31] = (negative[31] ?? 0) | 0x80;
    return [positive, negative];
  });
}

/** Adds the order of the base point to S: the same scalar, not reduced (RFC 8032 §5.1.7). @param {Buffer} signature */
function withOrderAdded(signature) {
  const bytes = toBytes(toNumber(signature.subarray(32)) + ORDER);
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}
