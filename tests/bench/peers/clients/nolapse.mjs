/** nolapse: the token in memory, the refresh secret in a cookie that no script sees; the default of all options. */

import { createSession } from "nolapse";

/** @type {import("../page.mjs").Client} */
export const session = {
  async signIn() {
    const { signIn } = createSession({ auth: servers.auth, allowedOrigins: [servers.api] });
    await signIn({});
  },
  async open() {
    const { fetch, getToken } = createSession({ auth: servers.auth, allowedOrigins: [servers.api] });
    return { call: fetch, token: getToken };
  },
};
