/**
 * oidc-client-ts: the token in `sessionStorage`, which is its default, renewed with a refresh token as in its documentation, page "Refresh
 * Token Grant"; it has no wrapper, so the bench sets the header.
 */

import { UserManager } from "oidc-client-ts";

function create() {
  return new UserManager({
    authority: servers.auth,
    client_id: "bench",
    redirect_uri: `${location.origin}${location.pathname}`,
    scope: "openid offline_access",
  });
}

/** @type {import("../page.mjs").Client} */
export const userManager = {
  signIn: () => create().signinRedirect(),
  finishSignIn: () => create().signinCallback(),
  async open() {
    const manager = create();
    const token = async () => {
      let user = await manager.getUser();
      if (user?.expired) user = await manager.signinSilent();
      return user?.access_token ?? "";
    };
    const call = async (/** @type {string} */ url) =>
      fetch(url, { headers: { Authorization: `Bearer ${await token()}` } });
    return { call, token };
  },
};
