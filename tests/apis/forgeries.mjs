/** Tokens that no API may accept, in the exact form of those that it accepts. */

import { createHmac, randomUUID, sign } from "node:crypto";

import { Key } from "./issuer.mjs";
import { encode } from "./tokens.mjs";

/**
 * @typedef {object} Change
 * @property {{ [name: string]: unknown }} [header] members beside the good ones; `undefined` leaves one out
 * @property {{ [name: string]: unknown }} [claims]
 * @property {Key} [by] who signs
 */

/**
 * Signs a token as the auth server's are, with changes.
 *
 * @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer
 * @param {Change} [change]
 */
export function forge(issuer, { header = {}, claims = {}, by = firstKey(issuer) } = {}) {
  const message = `${headerOf(firstKey(issuer), header)}.${claimsOf(issuer, claims)}`;
  const signature = sign("sha256", Buffer.from(message), { key: by.privateKey, dsaEncoding: "ieee-p1363" });
  return `${message}.${encode(signature)}`;
}

/** @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer */
function firstKey({ keys: [key] }) {
  if (!key) throw new Error("the issuer has a key of the test");
  return key;
}

/** @param {Key} key @param {{ [name: string]: unknown }} more */
function headerOf(key, more) {
  return encode(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid: key.kid, ...more }));
}

/** @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer @param {{ [name: string]: unknown }} more */
function claimsOf({ url, audience }, more) {
  const now = Math.floor(Date.now() / 1_000);
  const times = { iat: now, nbf: now, exp: now + 60, auth_time: now };
  const names = { iss: url, aud: audience, sub: "u", sid: "s", jti: randomUUID(), client_id: "web", role: "member" };
  return encode(JSON.stringify({ ...names, ...times, ...more }));
}

/**
 * The forgeries, by what is wrong with each.
 *
 * @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer
 * @param {string} real a token of the running auth server
 * @returns {Map<string, string>}
 */
export function forgeriesFor(issuer, real) {
  return new Map([...signatures(issuer, real), ...headers(issuer), ...claims(issuer), ...forms(issuer, real)]);
}

/** @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer @param {string} real @returns {[string, string][]} */
function signatures(issuer, real) {
  const [head = "", body = "", signature = ""] = real.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  const admin = encode(JSON.stringify({ ...claims, role: "admin", sub: "someone" }));
  const key = firstKey(issuer);
  const none = [headerOf(key, { alg: "none" }), claimsOf(issuer, {})].join(".");
  const secrets = [
    key.publicKey.export({ format: "pem", type: "spki" }),
    key.publicKey.export({ format: "der", type: "spki" }),
    JSON.stringify(key.jwk),
  ];
  const secret = `${headerOf(key, { alg: "HS256" })}.${claimsOf(issuer, {})}`;
  return [
    ["claims of another", `${head}.${admin}.${signature}`],
    ["no signature", `${head}.${body}.`],
    ["a signature of zeros", `${head}.${body}.${encode(Buffer.alloc(64))}`],
    ["a signature of another token", `${forge(issuer).split(".").slice(0, 2).join(".")}.${signature}`],
    ["a key that is not in the set", forge(issuer, { by: new Key("of nobody") })],
    ["alg none", `${none}.`],
    ["alg none with a signature", `${none}.${signature}`],
    ...secrets.map((text, index) => {
      const mac = createHmac("sha256", text).update(secret).digest();
      return /** @type {[string, string]} */ ([
        `HS256 with the public key as the secret, form ${index}`,
        `${secret}.${encode(mac)}`,
      ]);
    }),
  ];
}

/** @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer @returns {[string, string][]} */
function headers(issuer) {
  const stranger = new Key("of the header");
  return [
    ["an ID token's type", forge(issuer, { header: { typ: "JWT" } })],
    ["no type", forge(issuer, { header: { typ: undefined } })],
    ["a logout token's type", forge(issuer, { header: { typ: "logout+jwt" } })],
    ["an unknown key", forge(issuer, { header: { kid: "unknown" }, by: stranger })],
    ["no key id", forge(issuer, { header: { kid: undefined }, by: stranger })],
    ["a key in the header", forge(issuer, { header: { jwk: stranger.jwk, kid: stranger.kid }, by: stranger })],
    ["an extension that must be understood", forge(issuer, { header: { crit: ["x"], x: true } })],
    ["another algorithm than the key's", forge(issuer, { header: { alg: "ES384" } })],
    ["an unknown algorithm", forge(issuer, { header: { alg: "ES257" } })],
  ];
}

/** @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer @returns {[string, string][]} */
function claims(issuer) {
  const now = Math.floor(Date.now() / 1_000);
  const missing = ["iss", "aud", "exp", "sub"].map(
    (name) => /** @type {[string, string]} */ ([`no ${name}`, forge(issuer, { claims: { [name]: undefined } })]),
  );
  return [
    ...missing,
    ["another issuer", forge(issuer, { claims: { iss: "https://other.example" } })],
    ["an issuer that begins the same", forge(issuer, { claims: { iss: `${issuer.url}/` } })],
    ["another audience", forge(issuer, { claims: { aud: "https://other.example" } })],
    ["audiences of others", forge(issuer, { claims: { aud: ["https://other.example", issuer.url] } })],
    ["no audience in the list", forge(issuer, { claims: { aud: [] } })],
    ["expired a while ago", forge(issuer, { claims: { iat: now - 120, nbf: now - 120, exp: now - 60 } })],
    ["expired just now", forge(issuer, { claims: { iat: now - 61, nbf: now - 61, exp: now - 1 } })],
    ["not valid yet", forge(issuer, { claims: { nbf: now + 120, exp: now + 180 } })],
    ["an expiry that is a text", forge(issuer, { claims: { exp: "never" } })],
  ];
}

/** @param {Pick<import("./issuer.mjs").Issuer, "url" | "audience" | "keys">} issuer @param {string} real @returns {[string, string][]} */
function forms(issuer, real) {
  const [head, body, signature] = real.split(".");
  return [
    ["no token", "x"],
    ["two segments", `${head}.${body}`],
    ["four segments", `${real}.${signature}`],
    ["no JSON", `${encode("x")}.${encode("x")}.${signature}`],
    ["a list", `${encode("[]")}.${encode("[]")}.${signature}`],
    ["claims that are null", `${headerOf(firstKey(issuer), {})}.${encode("null")}.${signature}`],
  ];
}
