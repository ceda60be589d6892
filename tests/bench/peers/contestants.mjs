/** The clients that are measured side by side, and how each is set up. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../../pkg-template/tools/process.mjs";
import { cookieProtocol } from "./mocks/cookie.mjs";
import { openidProtocol } from "./mocks/openid.mjs";
import { supertokensProtocol } from "./mocks/supertokens.mjs";

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {string} script of `clients`
 * @property {string} client its name in that script
 * @property {(tokens: import("./mocks/server.mjs").Tokens) => import("./mocks/server.mjs").Protocol} protocol
 * @property {number} lead the client's expiry leeway, in seconds
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
    lead: 0,
    setUp: "defaults; it takes the place of fetch; tokens in cookies, so the page has none to ask for",
  },
  {
    name: "supertokens-website, headers",
    script: "supertokens.mjs",
    client: "headers",
    protocol: supertokensProtocol,
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
];

/** The packages that are measured, with their versions. */
export async function versions() {
  const { devDependencies } = JSON.parse(await readFile(join(root, "tests", "bench", "package.json"), "utf8"));
  return Object.entries(devDependencies).map(([name, version]) => `${name} ${version}`);
}
