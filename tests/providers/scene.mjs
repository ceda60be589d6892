/** An auth server, or two, beside a provider. */

import { freePort } from "../e2e/harness/ports.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { Jar, navigate, send } from "./browser.mjs";
import { CLIENT_ID, CLIENT_SECRET, startProvider } from "./provider.mjs";

/** The name of the provider in the settings. */
export const NAME = "op";

/**
 * The settings of a provider.
 *
 * @param {string} issuer
 * @param {Record<string, string>} [more] by the end of the variable's name
 */
export function settings(issuer, more = {}) {
  const all = { ISSUER: issuer, CLIENT_ID, CLIENT_SECRET, ...more };
  const variables = Object.entries(all).map(([name, value]) => [`OIDC_OP_${name}`, value]);
  return { OIDC_PROVIDERS: NAME, ...Object.fromEntries(variables) };
}

/**
 * Starts a provider and an auth server that knows it.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ provider?: object, oidc?: Record<string, string>, env?: Record<string, string> }} [options]
 */
export async function startScene(t, { provider = {}, oidc = {}, env = {} } = {}) {
  const port = await freePort();
  const op = await startProvider({ authServer: `http://localhost:${port}`, name: NAME, ...provider });
  t.after(() => op.stop());
  const server = await startServer(t, { PORT: `${port}`, ...settings(op.issuer, oidc), ...env });
  return { op, server };
}

/**
 * The URL that begins a sign-in.
 *
 * @param {{ auth: string }} server
 * @param {string} [returnTo]
 */
export function signInUrl(server, returnTo = `${server.auth}/page?a=1#part`) {
  return `${server.auth}/auth/providers/${NAME}/sign-in?return_to=${encodeURIComponent(returnTo)}`;
}

/**
 * Signs in and returns the URL that it ends at.
 *
 * @param {{ auth: string }} server
 * @param {Jar} [jar]
 */
export async function signIn(server, jar = new Jar()) {
  const end = await navigate(jar, signInUrl(server), (url) => url.startsWith(`${server.auth}/page`));
  return { jar, end };
}

/**
 * Calls an endpoint of the page's own.
 *
 * @param {{ auth: string }} server
 * @param {Jar} jar
 * @param {string} path
 * @param {object} [body]
 */
export async function post(server, jar, path, body) {
  const headers = { origin: server.auth, "nolapse-version": "1", "content-type": "application/json" };
  const init = { method: "POST", headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await send(jar, `${server.auth}${path}`, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** @param {{ auth: string }} server @param {Jar} jar @param {string} [reason] */
export function refresh(server, jar, reason = "load") {
  return post(server, jar, "/auth/refresh", { reason, page: "visible" });
}
