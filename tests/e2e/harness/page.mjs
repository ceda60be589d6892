/** Pages with the packed package, and with a signed-in user if a test needs one. */

import { randomUUID } from "node:crypto";

import { recordNetwork } from "./network.mjs";

/** A test page and what it has sent. @typedef {{ page: import("puppeteer-core").Page, network: import("./network.mjs").Network }} TestPage */

/** A page of any driver. @typedef {Pick<import("puppeteer-core").Page, "evaluate">} Evaluates */

/** The origins of the auth server and the API. @typedef {{ auth: string, api: string }} Addresses */

/** E-mail and password. @typedef {{ email: string, password: string }} Credentials */

/**
 * Opens the blank test page on the server's own origin, with its network recorded from the first request.
 *
 * @param {import("puppeteer-core").Browser | import("puppeteer-core").BrowserContext} where a context of its own
 *   shares no cookie with others; pages of one context are tabs of one user
 * @param {import("./server.mjs").Server} server
 * @returns {Promise<TestPage>}
 */
export async function openPage(where, server) {
  const page = await where.newPage();
  const network = await recordNetwork(page);
  await page.goto(`${server.auth}/blank.html`);
  return { page, network };
}

/**
 * Creates a session on a page, as an app does, and keeps it as `window.session`.
 *
 * @param {Evaluates} page
 * @param {Addresses} server
 * @param {Omit<import("nolapse").SessionOptions, "auth" | "allowedOrigins" | "wasm">} [options]
 */
export async function openSession(page, server, options = {}) {
  await page.evaluate(
    async (address, all) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(address);
      window.session = createSession(all);
      await window.session.ready;
    },
    "/nolapse/index.js",
    { auth: server.auth, allowedOrigins: [server.api], ...options },
  );
}

/** Credentials of a new user. @returns {Credentials} */
export function newUser() {
  return { email: `${randomUUID()}@example.org`, password: `correct horse ${randomUUID()}` };
}

/**
 * Signs a user up or in on a page that has a session, as the demo page does.
 *
 * @param {Evaluates} page
 * @param {Credentials} credentials
 * @param {"sign-up" | "sign-in"} [how]
 */
export async function signIn(page, credentials, how = "sign-in") {
  await page.evaluate(
    (all, isNew) => (isNew ? window.session.signUp(all) : window.session.signIn(all)),
    { ...credentials },
    how === "sign-up",
  );
}

/**
 * Opens a page with a session and a new user signed in.
 *
 * @param {Parameters<typeof openPage>[0]} where
 * @param {import("./server.mjs").Server} server
 * @returns {Promise<TestPage & { user: Credentials }>}
 */
export async function openSignedIn(where, server) {
  const opened = await openPage(where, server);
  const user = newUser();
  await openSession(opened.page, server);
  await signIn(opened.page, user, "sign-up");
  return { ...opened, user };
}
