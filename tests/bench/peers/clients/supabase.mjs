/**
 * supabase-js: the session in `localStorage`, renewed by one request, which are its defaults. Calls of other APIs carry the token of
 * `getSession`, as in its documentation, page "JSON Web Token (JWT)".
 */

import { createClient } from "@supabase/supabase-js";

const create = () => createClient(servers.auth, "bench");

/** @type {import("../page.mjs").Client} */
export const supabase = {
  async signIn() {
    const { error } = await create().auth.signInWithPassword({ email: "ada@example.org", password: "engine" });
    if (error) throw error;
  },
  async open() {
    const { auth } = create();
    const token = async () => (await auth.getSession()).data.session?.access_token ?? "";
    const call = async (/** @type {string} */ url) =>
      fetch(url, { headers: { Authorization: `Bearer ${await token()}` } });
    return { call, token };
  },
};
