/** The clients that are measured side by side, and how each is set up. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../../pkg-template/tools/process.mjs";
import { clerkProtocol } from "./mocks/clerk.mjs";
import { cookieProtocol } from "./mocks/cookie.mjs";
import { openidProtocol } from "./mocks/openid.mjs";
import { supabaseProtocol } from "./mocks/supabase.mjs";
import { supertokensProtocol } from "./mocks/supertokens.mjs";

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {string} script of `clients`
 * @property {string} client its name in that script
 * @property {(tokens: import("./mocks/server.mjs").Tokens) => import("./mocks/server.mjs").Protocol} protocol
 * @property {number} lead seconds that are left of a token when the client takes it for expired, or is made to
 * @property {() => void} [age] makes the stored token an expired one, on the client's page
 * @property {boolean} [isEarly] whether its page's head begins what the bundle needs
 * @property {boolean} [isJoined] whether its auth server and its API have one origin
 * @property {string} setUp
 */

/** The first one is ours, the reference for the others. */
export const OURS = "nolapse";

/** @type {readonly Contestant[]} */
export const CONTESTANTS = [
  {
    name: OURS,
    script: "nolapse.mjs",
    client: "session",
    protocol: cookieProtocol,
    lead: 0,
    setUp: "defaults; session.fetch; token in memory, refresh secret in a cookie",
  },
  {
    name: "nolapse, early script",
    script: "nolapse.mjs",
    client: "session",
    protocol: cookieProtocol,
    isEarly: true,
    lead: 0,
    setUp: "the same; the page's head has the text of nolapse/early.js, and preloads the module",
  },
  {
    name: "by hand",
    script: "by-hand.mjs",
    client: "byHand",
    protocol: cookieProtocol,
    lead: 0,
    setUp: "the same server; one refresh at a time, one retry, one tab; gives the token to any URL",
  },
  {
    name: "supertokens-website, cookies",
    script: "supertokens.mjs",
    client: "cookies",
    protocol: supertokensProtocol,
    isJoined: true,
    lead: 0,
    setUp: "defaults; it takes the place of fetch; tokens in cookies, so the page has none to ask for",
  },
  {
    name: "supertokens-website, headers",
    script: "supertokens.mjs",
    client: "headers",
    protocol: supertokensProtocol,
    isJoined: true,
    lead: 0,
    setUp: "tokenTransferMethod: header; tokens in cookies that script reads; getAccessToken",
  },
  {
    name: "auth0-spa-js, frame",
    script: "auth0.mjs",
    client: "frame",
    protocol: openidProtocol,
    lead: 60,
    setUp: "defaults; token in memory, renewed in a hidden frame; getTokenSilently and a header by hand",
  },
  {
    name: "auth0-spa-js, refresh tokens",
    script: "auth0.mjs",
    client: "refreshTokens",
    protocol: openidProtocol,
    lead: 60,
    setUp: "useRefreshTokens, cacheLocation: localstorage; getTokenSilently and a header by hand",
  },
  {
    name: "oidc-client-ts",
    script: "oidc-client-ts.mjs",
    client: "userManager",
    protocol: openidProtocol,
    lead: 0,
    setUp:
      "defaults, offline_access; token in sessionStorage; getUser (signinSilent once expired) and a header by hand",
  },
  {
    name: "supabase-js",
    script: "supabase.mjs",
    client: "supabase",
    protocol: supabaseProtocol,
    // In the background it refreshes what lasts for less than 120 s, and so at once what would be due when the others' is.
    lead: 3_600,
    age() {
      const key = "sb-localhost-auth-token";
      const session = JSON.parse(localStorage.getItem(key) ?? "");
      localStorage.setItem(key, JSON.stringify({ ...session, expires_at: Math.floor(Date.now() / 1_000) - 1 }));
    },
    setUp: "defaults, the client of the database with it; session in localStorage; getSession and a header by hand",
  },
  {
    name: "clerk-js",
    script: "clerk.mjs",
    client: "clerk",
    protocol: clerkProtocol,
    // With what is due they last for the minute that they always do; a page asks for one when it loads.
    lead: 57,
    setUp:
      "its build for browsers, without components; proxyUrl; token in memory and a cookie; getToken and a header by hand",
  },
];

/** The packages that are measured, with their versions. */
export async function versions() {
  const { devDependencies } = JSON.parse(await readFile(join(root, "tests", "bench", "package.json"), "utf8"));
  return Object.entries(devDependencies).map(([name, version]) => `${name} ${version}`);
}
