/** An OpenID Connect provider for the demo and the tests: the certified `oidc-provider`, whose users are whoever one says. */

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { root } from "../../pkg-template/tools/process.mjs";

/** Finds the packages of `tests/providers`. */
const { resolve } = createRequire(join(root, "tests", "providers", "package.json"));

/** The client that the auth server is. */
const CLIENT = { id: "nolapse", secret: randomBytes(32).toString("base64url") };

/** A running provider. @typedef {{ issuer: string, settings: Record<string, string>, serve: (auth: string) => Promise<void>, close: () => void }} Provider */

/**
 * Listens at a port of the loopback address. The provider answers from `serve` on, which needs to know the auth server's origin,
 * while the auth server needs the `settings`.
 *
 * @param {string} name the provider's name at the auth server
 * @param {{ port?: number, label?: string }} [options]
 * @returns {Promise<Provider>}
 */
export async function listenAsProvider(name, { port = 0, label = name } = {}) {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  // Another site than `localhost`, as a provider is: its pages send no `SameSite=Strict` cookie.
  const issuer = `http://127.0.0.1:${typeof address === "object" ? address?.port : port}`;
  const prefix = `OIDC_${name.toUpperCase().replaceAll("-", "_")}`;
  return {
    issuer,
    settings: {
      OIDC_PROVIDERS: name,
      [`${prefix}_ISSUER`]: issuer,
      [`${prefix}_CLIENT_ID`]: CLIENT.id,
      [`${prefix}_CLIENT_SECRET`]: CLIENT.secret,
      [`${prefix}_LABEL`]: label,
    },
    serve: async (auth) => {
      const { default: OidcProvider } = await import(pathToFileURL(resolve("oidc-provider")).href);
      const provider = new OidcProvider(issuer, configuration(name, auth));
      server.on("request", provider.callback());
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * @param {string} name
 * @param {string} auth the auth server's origin
 */
function configuration(name, auth) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [`${auth}/auth/providers/${name}/callback`],
        post_logout_redirect_uris: [`${auth}/`],
        backchannel_logout_uri: `${auth}/auth/providers/${name}/backchannel-logout`,
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
    // What is typed as a login is the user's id; every password is right.
    findAccount: (/** @type {unknown} */ _, /** @type {string} */ id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true }),
    }),
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    features: { backchannelLogout: { enabled: true } },
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" }] },
    pkce: { required: () => true },
    ttl: { Session: 3_600, Grant: 3_600, Interaction: 600, AccessToken: 300, IdToken: 300 },
  };
}
