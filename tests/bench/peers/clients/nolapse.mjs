/** nolapse: the token in memory, the refresh secret in a cookie that no script sees; the default of all options. */

import { createSession } from "nolapse";

/** @type {import("../page.mjs").Client} */
export const session = {
  async signIn() {
    const { signIn } = createSession({ auth: location.origin });
    await signIn({});
  },
  async open() {
    const { fetch, getToken } = createSession({ auth: location.origin });
    return { call: fetch, token: getToken };
  },
};
