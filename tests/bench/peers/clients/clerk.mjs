/**
 * clerk-js: the build for browsers without the components, which its documentation loads by a `<script>` and the other clients'
 * bundler takes in here; the Frontend API by a proxy. A page asks for the session when it loads, and its token comes with it. Calls
 * carry the token of `getToken`, as in its documentation, page "Making requests".
 */

/** Of an instance in production: `clerk.example.com`, in whose place the proxy is asked. */
const KEY = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k";

async function load() {
  Object.assign(window, { __clerk_publishable_key: KEY, __clerk_proxy_url: `${servers.auth}/__clerk` });
  await import("../../node_modules/@clerk/clerk-js/dist/clerk.browser.js");
  await window.Clerk.load();
  return window.Clerk;
}

/** @type {import("../page.mjs").Client} */
export const clerk = {
  async signIn() {
    const { client, setActive } = await load();
    const signIn = await client?.signIn.create({ identifier: "ada@example.org", password: "engine" });
    await setActive({ session: signIn?.createdSessionId ?? null });
  },
  async open() {
    const { session } = await load();
    const token = async () => (await session?.getToken()) ?? "";
    const call = async (/** @type {string} */ url) =>
      fetch(url, { headers: { Authorization: `Bearer ${await token()}` } });
    return { call, token };
  },
};
