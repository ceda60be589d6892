/** Creates the key of a browser: loaded by the first sign-in alone. */

import { own } from "./own.js";

/**
 * @param {SubtleCrypto} subtle
 * @returns {Promise<import("./device-key.js").DeviceKey>}
 */
export async function createKey(subtle) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { privateKey, publicKey } = await subtle.generateKey(algorithm, false, ["sign"]);
  const { x, y } = await subtle.exportKey("jwk", publicKey);
  const jwk = own({ kty: "EC", crv: "P-256", x, y });
  const header = btoa(JSON.stringify(own({ typ: "dpop+jwt", alg: "ES256", jwk })));
  return [privateKey, header.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""), 0];
}
