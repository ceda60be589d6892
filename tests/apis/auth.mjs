/** Users of a running auth server, and their tokens. */

import { randomUUID } from "node:crypto";

/**
 * Signs up a user.
 *
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {{ contexts?: readonly string[] }} [options]
 * @returns {Promise<{ token: string, email: string, password: string }>}
 */
export async function signUp(server, options) {
  return postCredentials(server, "sign-up", { email: `${randomUUID()}@example.org`, password: randomUUID() }, options);
}

/**
 * Signs in.
 *
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {{ email: string, password: string }} credentials
 * @param {{ contexts?: readonly string[] }} [options]
 */
export async function signIn(server, credentials, options) {
  return postCredentials(server, "sign-in", credentials, options);
}

/**
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {string} path
 * @param {{ email: string, password: string }} credentials
 * @param {{ contexts?: readonly string[] }} [options]
 */
async function postCredentials(server, path, { email, password }, options = {}) {
  const response = await fetch(`${server.auth}/auth/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "nolapse-version": "1", origin: server.auth },
    body: JSON.stringify({ email, password, ...options }),
  });
  const { access_token: token, contexts = {} } = await response.json();
  if (typeof token !== "string") throw new Error(`no token: ${response.status}`);
  return { token, contexts, email, password };
}
