/** nolapse: the token in memory, the refresh secret in a cookie that no script sees; the default of all options. */

import { createSession } from "nolapse";

/** @type {import("../page.mjs").Client} */
export const session = {
  async signIn() {
    const { adopt } = await createSession({ auth: location.origin });
    const headers = { "content-type": "application/json", "nolapse-version": "1" };
    await adopt(() => fetch("/auth/sign-in", { method: "POST", headers, body: "{}" }));
  },
  async open() {
    const { fetch, getToken } = await createSession({ auth: location.origin });
    return { call: fetch, token: getToken };
  },
};
