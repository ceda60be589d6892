/** An auth server whose key set has a second key, the test's own: it signs what no auth server would. */

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

import { listen } from "../e2e/harness/listen.mjs";
import { startServer } from "../e2e/harness/server.mjs";

/** The public key that the test's own tokens are checked with, and the private one. */
export class Key {
  /** @param {string} kid */
  constructor(kid) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.kid = kid;
    this.privateKey = privateKey;
    this.publicKey = publicKey;
  }

  /** @returns {import("node:crypto").JsonWebKey} as a member of a key set */
  get jwk() {
    return { ...this.publicKey.export({ format: "jwk" }), kid: this.kid, alg: "ES256", use: "sig" };
  }
}

/**
 * What stands before an auth server: its origin is the issuer of the server's tokens.
 *
 * @typedef {object} Issuer
 * @property {import("../e2e/harness/server.mjs").Server} server the running auth server
 * @property {string} url the issuer
 * @property {string} audience
 * @property {Key[]} keys of the test, beside those of the auth server
 * @property {() => number} fetched how often the key set was asked for
 * @property {() => Promise<void>} leave ends both
 */

/**
 * Starts an auth server, and what stands before it.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} [env] settings of the auth server
 * @returns {Promise<Issuer>}
 */
export async function startIssuer(t, env = {}) {
  const keys = [new Key("of the test")];
  /** @type {import("../e2e/harness/server.mjs").Server | undefined} */
  let server;
  let count = 0;
  const front = createServer(async ({ url }, response) => {
    const published = await fetch(`${server?.auth}${url}`);
    if (url !== "/.well-known/jwks.json") return response.writeHead(404).end();
    count += 1;
    const set = await published.json();
    set.keys.push(...keys.map(({ jwk }) => jwk));
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(set));
  });
  const url = (await listen(t, front)).replace("127.0.0.1", "localhost");
  const running = await startServer(t, { ...env, ISSUER: url });
  server = running;
  const leave = async () => {
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
    await running.stop();
  };
  return { server: running, url, audience: running.api, keys, fetched: () => count, leave };
}
