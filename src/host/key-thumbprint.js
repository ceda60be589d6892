/** The thumbprint of this browser's key (RFC 7638), which binds a session that a navigation begins (RFC 9449 §10). */

import { base64url, prove } from "./device-key.js";

/**
 * @param {import("./realm.js").Realm} realm
 * @param {import("./options.js").Settings} settings
 * @returns {Promise<string | undefined>} `undefined` if the session is to be bound to no key
 */
export async function thumbprint(realm, { key, deviceBinding }) {
  const { subtle } = realm.crypto;
  const proof = subtle && deviceBinding ? await prove(realm, key, "", true) : undefined;
  if (!subtle || !proof) return undefined;
  // The header of a proof has the public key.
  const header = proof.split(".")[0]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
  const { x, y } = JSON.parse(atob(header)).jwk;
  const canonical = new TextEncoder().encode(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`);
  const digest = await subtle.digest("SHA-256", canonical);
  return base64url(String.fromCharCode(...new Uint8Array(digest)));
}
