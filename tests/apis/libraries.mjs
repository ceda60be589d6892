/** The libraries of Node that judge tokens of the auth server, each with the options that it has for it. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { JwtVerifier } from "aws-jwt-verify";
import express from "express";
import { expressjwt } from "express-jwt";
import { auth } from "express-oauth2-jwt-bearer";
import { createVerifier as createFastVerifier } from "fast-jwt";
import { verifyWithJwks } from "hono/jwt";
import { createRemoteJWKSet, jwtVerify } from "jose";
import jwt from "jsonwebtoken";
import jwksRsa from "jwks-rsa";
import { allowInsecureRequests, validateJwtAccessToken } from "oauth4webapi";

import { root } from "../../pkg-template/tools/process.mjs";

/**
 * A token of a running auth server, and what it is judged by.
 *
 * @typedef {object} Case
 * @property {string} alg the algorithm that signed it
 * @property {string} token
 * @property {string} issuer
 * @property {string} audience
 * @property {string} jwksUri
 * @property {{ keys: { kid: string }[] }} jwks
 */

/**
 * A library, and what has to be told to it.
 *
 * @typedef {object} Library
 * @property {string} name of its package
 * @property {string} [beside] another package
 * @property {string} options
 * @property {(given: Case) => Promise<unknown>} judge rejects where it refuses the token
 */

/** @type {readonly Library[]} */
export const LIBRARIES = [
  {
    name: "jose",
    options: '`algorithms`, `typ: "at+jwt"`',
    judge: ({ alg, token, issuer, audience, jwksUri }) =>
      jwtVerify(token, createRemoteJWKSet(new URL(jwksUri)), { issuer, audience, algorithms: [alg], typ: "at+jwt" }),
  },
  {
    name: "jsonwebtoken",
    beside: "jwks-rsa",
    options: "`algorithms`",
    judge: async ({ alg, token, issuer, audience, jwksUri }) => {
      const key = await jwksRsa({ jwksUri }).getSigningKey(kidOf(token));
      const algorithms = /** @type {import("jsonwebtoken").Algorithm[]} */ ([alg]);
      return jwt.verify(token, key.getPublicKey(), { algorithms, issuer, audience });
    },
  },
  {
    name: "express-jwt",
    beside: "jwks-rsa",
    options: "`algorithms`",
    judge: ({ alg, token, issuer, audience, jwksUri }) => {
      const secret = /** @type {import("jwks-rsa").GetVerificationKey} */ (jwksRsa.expressJwtSecret({ jwksUri }));
      const algorithms = /** @type {import("jsonwebtoken").Algorithm[]} */ ([alg]);
      return throughExpress(expressjwt({ secret, algorithms, issuer, audience }), token);
    },
  },
  {
    name: "express-oauth2-jwt-bearer",
    options: "`tokenSigningAlg`, `strict: true`",
    judge: ({ alg, token, issuer, audience, jwksUri }) =>
      throughExpress(auth({ issuer, audience, jwksUri, tokenSigningAlg: alg, strict: true }), token),
  },
  {
    name: "fast-jwt",
    options: '`algorithms`, `checkTyp: "at+jwt"`; `@fastify/jwt` takes the same',
    judge: ({ alg, token, issuer, audience, jwksUri }) => {
      const key = async () => (await jwksRsa({ jwksUri }).getSigningKey(kidOf(token))).getPublicKey();
      const algorithms = /** @type {import("fast-jwt").Algorithm[]} */ ([alg]);
      return createFastVerifier({ key, algorithms, allowedIss: issuer, allowedAud: audience, checkTyp: "at+jwt" })(
        token,
      );
    },
  },
  {
    name: "hono",
    options: '`allowedAlgorithms`, `typ: "at+jwt"`, without which it refuses all of them',
    judge: ({ alg, token, issuer, audience, jwksUri }) => {
      const allowedAlgorithms = /** @type {["ES256"]} */ ([alg]);
      const verification = { iss: issuer, aud: audience, typ: "at+jwt" };
      return verifyWithJwks(token, { jwks_uri: jwksUri, allowedAlgorithms, verification });
    },
  },
  {
    name: "aws-jwt-verify",
    options: "none: it takes what the key set has",
    judge: async ({ token, issuer, audience, jwks }) => {
      const verifier = JwtVerifier.create({ issuer, audience, jwksUri: "https://auth.example.com/jwks.json" });
      verifier.cacheJwks({ keys: jwks.keys.map((key) => ({ use: "sig", alg: "", kty: "", ...key })) });
      return verifier.verify(token);
    },
  },
  {
    name: "oauth4webapi",
    options: "`signingAlgorithms`",
    judge: ({ alg, token, issuer, audience, jwksUri }) => {
      const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
      const options = { [allowInsecureRequests]: true, signingAlgorithms: [alg] };
      return validateJwtAccessToken({ issuer, jwks_uri: jwksUri }, request, audience, options);
    },
  },
];

/**
 * The version of an installed package.
 *
 * @param {string} name
 * @returns {Promise<string>}
 */
export async function versionOf(name) {
  const manifest = join(root, "tests", "apis", "node_modules", name, "package.json");
  return JSON.parse(await readFile(manifest, "utf8")).version;
}

/** @param {string} token */
function kidOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;
}

/**
 * Sends a token to an app of Express.
 *
 * @param {import("express").RequestHandler} middleware that lets a request through or not
 * @param {string} token
 */
async function throughExpress(middleware, token) {
  const app = express();
  app.get("/", middleware, (_request, response) => {
    response.end();
  });
  app.use(
    /** @type {import("express").ErrorRequestHandler} */ (
      (error, _request, response, _next) => {
        response.status(401).end(error.message);
      }
    ),
  );
  const server = app.listen(0, "127.0.0.1");
  try {
    await new Promise((resolve) => server.once("listening", () => resolve(undefined)));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(await response.text());
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
