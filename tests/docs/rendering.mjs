/** The apps of `docs/rendering.md`: rendered by a server, with the auth server under the page's own origin. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../pkg-template/tools/process.mjs";
import { listen } from "../e2e/harness/listen.mjs";
import { createServer } from "node:http";

export const SECRET = "c2VjcmV0IG9mIGEgcmVuZGVyZXIgaW4gYSB0ZXN0Lg==";

/** What the auth server of a renderer has set. */
export const SERVER_ENV = { SERVER_SECRETS: SECRET, PAGE_COOKIE: "1", REFRESHES_PER_MINUTE: "0" };

/** What a renderer has set. @param {import("../e2e/harness/server.mjs").Server} server */
export function rendererEnv(server) {
  return {
    ISSUER: server.auth,
    AUDIENCE: server.api,
    AUTH_URL: server.auth,
    API_URL: server.api,
    SERVER_SECRET: SECRET,
  };
}

/**
 * The files of one framework's app, as the document has them.
 *
 * @param {string} heading its section; the document's first part has the app without a framework
 * @returns {Promise<Record<string, string>>}
 */
export async function readApp(heading) {
  const document = await readFile(join(root, "docs", "rendering.md"), "utf8");
  const section = document.split(/^## /m).find((text) => text.replace(/^# /, "").startsWith(`${heading}\n`)) ?? "";
  const fences = section.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm);
  return Object.fromEntries([...fences].map(([, name = "", text = ""]) => [name, text]));
}

/**
 * A page of another site, with a link to an app on `localhost`.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} app
 */
export async function startOtherSite(t, app) {
  const site = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<!doctype html><title>elsewhere</title><a href="${app}/">there</a>`);
  });
  return listen(t, site);
}

/**
 * Signs a new user up, as a page does, and returns the address.
 *
 * @param {import("puppeteer-core").Page} page of the app
 * @param {string} email
 */
function signUpOn(page, email) {
  return page.evaluate(async (email) => {
    const response = await fetch("/auth/sign-up", {
      method: "POST",
      headers: { "content-type": "application/json", "nolapse-version": "1" },
      body: JSON.stringify({ email, password: `correct horse ${email}` }),
    });
    return response.status;
  }, email);
}

/** Records each text that `#account` has, from the first HTML on. @param {import("puppeteer-core").Page} page */
async function watchAccount(page) {
  await page.evaluateOnNewDocument(() => {
    /** @type {string[]} */
    const seen = [];
    Object.assign(window, { seen });
    const look = () => {
      const text = document.querySelector("#account")?.textContent;
      if (text !== undefined && text !== null && seen.at(-1) !== text) seen.push(text);
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  });
}

/** @param {import("puppeteer-core").Page} page @returns {Promise<string[]>} */
export function seenOn(page) {
  return page.evaluate(() => Reflect.get(window, "seen"));
}

/**
 * Visits an app as nobody, and then signs a new user up on its page.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} origin of the app
 * @returns {Promise<{ email: string, greeting: string, visit: () => Promise<string> }>} `visit` returns the HTML that was sent
 */
export async function visitAndSignUp(page, origin) {
  const email = `${randomUUID()}@example.org`;
  const visit = async () => (await page.goto(`${origin}/`, { waitUntil: "networkidle0" }))?.text() ?? "";
  await watchAccount(page);
  assert.match(await visit(), /<h1>Welcome<\/h1>/);
  assert.equal(await signUpOn(page, email), 200);
  return { email, greeting: `<h1>Welcome, ${email}</h1>`, visit };
}
