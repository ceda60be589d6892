/**
 * auth0-spa-js: by default the token is in memory and renewed in a hidden frame; with refresh tokens, which need
 * `localStorage` to outlive a page, by one request. Calls carry it as in its documentation, page "Calling an API".
 */

import { createAuth0Client } from "@auth0/auth0-spa-js";

/**
 * @param {Partial<import("@auth0/auth0-spa-js").Auth0ClientOptions>} [options]
 * @returns {import("../page.mjs").Client}
 */
function client({ useRefreshTokens = false, cacheLocation = "memory" } = {}) {
  const create = () =>
    createAuth0Client({
      domain: servers.auth,
      clientId: "bench",
      useRefreshTokens,
      cacheLocation,
      authorizationParams: { redirect_uri: `${location.origin}${location.pathname}` },
    });
  return {
    signIn: async () => (await create()).loginWithRedirect(),
    finishSignIn: async () => (await create()).handleRedirectCallback(),
    async open() {
      const auth0 = await create();
      const token = async () => (await auth0.getTokenSilently()) ?? "";
      const call = async (/** @type {string} */ url) =>
        fetch(url, { headers: { Authorization: `Bearer ${await token()}` } });
      return { call, token };
    },
  };
}

/** With default options. */
export const frame = client();

/** As in its documentation, pages "Refresh tokens" and "Data caching options". */
export const refreshTokens = client({ useRefreshTokens: true, cacheLocation: "localstorage" });
