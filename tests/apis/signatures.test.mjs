import { createHmac } from "node:crypto";
import { test } from "node:test";

import { judges } from "./judges.mjs";
import { CLAIMS, encode, forge, HEADER, jwkOf, withSignature } from "./tokens.mjs";

test("P46 signatures that do not match are refused by nolapse/server", async (t) => {
  const { expect } = await judges(t);
  const good = forge();
  const [head = "", body = "", signature = ""] = good.split(".");
  const message = `${head}.${body}`;
  const bytes = Buffer.from(signature, "base64url");
  const hs = `${encode(JSON.stringify({ ...HEADER, alg: "HS256" }))}.${body}`;
  const secret = Buffer.from(`${jwkOf().x}`, "base64url");
  const admin = encode(JSON.stringify({ ...CLAIMS, role: "admin" }));
  for (const [name, token, code] of [
    ["stripped", `${message}.`, "signature"],
    ["zeros", `${message}.${encode(Buffer.alloc(64))}`, "signature"],
    ["short", `${message}.${encode(bytes.subarray(0, 60))}`, "signature"],
    ["a byte more", `${message}.${encode(Buffer.concat([bytes, Buffer.alloc(1)]))}`, "signature"],
    ["another key", withSignature(message, 8), "signature"],
    ["changed claims", `${head}.${admin}.${signature}`, "signature"],
    ["S + L", `${message}.${encode(withOrderAdded(bytes))}`, "signature"],
    ["the public key as a secret", `${hs}.${createHmac("sha256", secret).update(hs).digest("base64url")}`, "algorithm"],
  ])
    await expect(name ?? "", token ?? "", code ?? "");
  for (let place = 0; place < 64; place += 1) {
    const flipped = Buffer.from(bytes);
    flipped[place] = (flipped[place] ?? 0) ^ 1;
    await expect(`bit of byte ${place}`, `${message}.${encode(flipped)}`, "signature");
  }
});

test("P46 keys and signatures of small order verify nothing at nolapse/server", async (t) => {
  const weak = smallOrder().map((point, index) => ({ kty: "OKP", crv: "Ed25519", kid: `w${index}`, x: encode(point) }));
  const { expect } = await judges(t, [...weak, jwkOf()]);
  for (const first of smallOrder()) {
    const signature = encode(Buffer.concat([first, Buffer.alloc(32)]));
    for (const { kid } of weak)
      await expect(`${kid} ${signature}`, `${messageOf({ kid })}.${signature}`, "unknown_key");
    await expect(signature, `${messageOf({})}.${signature}`, "signature");
  }
});

/** The two segments of a token that are signed. @param {{ [name: string]: unknown }} header */
function messageOf(header) {
  return forge(header).split(".").slice(0, 2).join(".");
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
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + order;
  const bytes = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}
