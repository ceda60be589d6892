/** supertokens-website, which takes the place of `fetch`: with cookies, its default in browsers, and with headers. */

import { getAccessToken, init } from "supertokens-website";

/**
 * @param {"cookie" | "header"} tokenTransferMethod
 * @returns {import("../page.mjs").Client}
 */
function client(tokenTransferMethod) {
  const start = () => init({ apiDomain: servers.auth, tokenTransferMethod });
  const token = async () => (await getAccessToken()) ?? "";
  return {
    async signIn() {
      start();
      await fetch(`${servers.auth}/auth/signin`, { method: "POST", body: '{"formFields":[]}' });
    },
    async open() {
      start();
      const call = (/** @type {string} */ url) => fetch(url);
      // With cookies, the page has no token that it could read.
      return tokenTransferMethod === "cookie" ? { call } : { call, token };
    },
  };
}

export const cookies = client("cookie");

export const headers = client("header");
