/** A certified OpenID provider (npm oidc-provider) as a server of its own: rotation, pushed requests, short lives, back-channel logout. */

import { once } from "node:events";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

/** The client that the auth server is. */
export const CLIENT_ID = "nolapse";
export const CLIENT_SECRET = "a secret of the tests, of 32 characters or more";

/**
 * @typedef {object} ProviderOptions
 * @property {string} authServer the auth server's origin
 * @property {string} [name] the provider's name there
 * @property {number} [port] 0 for a free one
 * @property {boolean} [requirePar] whether authorization requests must be pushed (RFC 9126)
 * @property {number} [accessTokenSeconds] the life of access tokens
 * @property {number} [saidSeconds] what responses say it is
 * @property {object} [client] further metadata of the client
 */

/**
 * @typedef {object} RunningProvider
 * @property {string} issuer
 * @property {Provider} provider
 * @property {string[]} refused the errors of its token endpoint
 * @property {Map<string, { email?: string, email_verified?: boolean }>} accounts claims by account
 * @property {(account: string) => void} signInAs who signs in from now on
 * @property {() => Promise<void>} stop
 */

/**
 * Starts one. Whoever is sent to it is signed in at once, as the account of `signInAs`.
 *
 * @param {ProviderOptions} options
 * @returns {Promise<RunningProvider>}
 */
export async function startProvider({
  authServer,
  name = "op",
  port = 0,
  requirePar = true,
  accessTokenSeconds = 60,
  saidSeconds,
  client = {},
}) {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens on a port");
  const issuer = `http://localhost:${address.port}`;
  let account = "ada";
  /** @type {RunningProvider["accounts"]} */
  const accounts = new Map();
  /** @type {string[]} */
  const refused = [];
  const below = `${authServer}/auth/providers/${name}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${below}/callback`],
        grant_types: ["authorization_code", "refresh_token"],
        backchannel_logout_uri: `${below}/backchannel-logout`,
        backchannel_logout_session_required: true,
        require_pushed_authorization_requests: requirePar,
        ...client,
      },
    ],
    claims: { openid: ["sub", "sid"], email: ["email", "email_verified"] },
    cookies: { keys: ["a key of the tests"] },
    clientAuthMethods: ["client_secret_basic", "private_key_jwt"],
    enabledJWA: { clientAuthSigningAlgValues: ["ES256", "RS256", "EdDSA"] },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    // Its own refuses addresses of this machine.
    fetch: (url, { method, headers, body, signal } = {}) =>
      fetch(url, {
        ...(method && { method }),
        ...(headers && { headers }),
        ...(body && { body }),
        ...(signal && { signal }),
      }),
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, ...accounts.get(id) }),
    }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: async (context) => {
      const { client, session, params } = context.oidc;
      // One for a session of the provider's: codes of an earlier one would be void.
      const known = client && session?.grantIdFor(client.clientId);
      const existing = known ? await provider.Grant.find(known) : undefined;
      if (existing) return existing;
      const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
      grant.addOIDCScope(String(params?.scope));
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenSeconds,
      IdToken: 300,
      RefreshToken: 3_600,
      Session: 3_600,
      Grant: 3_600,
      Interaction: 600,
    },
  });
  provider.on("grant.error", (_context, error) => refused.push(error.error ?? error.message));
  provider.use(async (context, next) => {
    await next();
    const { body } = context;
    if (saidSeconds !== undefined && body && typeof body === "object" && "expires_in" in body && "access_token" in body)
      body.expires_in = saidSeconds;
  });
  const callback = provider.callback();
  server.on("request", async (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return callback(request, response);
    const { prompt } = await provider.interactionDetails(request, response);
    const result = prompt.name === "login" ? { login: { accountId: account } } : { consent: {} };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  });
  return {
    issuer,
    provider,
    accounts,
    refused,
    signInAs: (id) => {
      account = id;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
