/** No client: calls as the platform sends them, which are refused. */

/** @type {import("../page.mjs").Client} */
export const without = {
  signIn: async () => {},
  open: async () => ({ call: (url) => fetch(url) }),
};
