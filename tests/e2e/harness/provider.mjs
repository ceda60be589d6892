/** Users who sign in through a provider: the real one of `tests/providers`, with its own pages. */

import { listenAsProvider } from "../../tools/provider.mjs";
import { startServer } from "./server.mjs";
import { until } from "./until.mjs";

/** The provider's name at the auth server. */
export const NAME = "demo";

/** @typedef {{ server: import("./server.mjs").Server, issuer: string }} Scene */

/**
 * Starts a provider, and an auth server that knows it.
 *
 * @param {import("node:test").TestContext} test
 * @param {Record<string, string>} [env] further settings of the auth server
 * @returns {Promise<Scene>}
 */
export async function startWithProvider(test, env = {}) {
  const provider = await listenAsProvider(NAME);
  test.after(() => provider.close());
  const server = await startServer(test, { ...provider.settings, ...env });
  await provider.serve(server.auth);
  return { server, issuer: provider.issuer };
}

/**
 * Puts a button on the page that signs in through the provider. What comes of it is in `window.outcome`: a code, a name of another
 * error, or `done`.
 *
 * @param {import("./page.mjs").Evaluates} page
 * @param {Partial<import("nolapse").ProviderSignIn>} [options]
 */
export async function offerProvider(page, options = {}) {
  await page.evaluate(
    (all) => {
      const button = document.createElement("button");
      button.id = "provider";
      button.textContent = "Sign in";
      button.onclick = () => {
        window.outcome = "";
        window.session.signIn(all).then(
          () => {
            window.outcome = "done";
          },
          (error) => {
            window.outcome = error.code ?? error.name;
          },
        );
      };
      document.body.replaceChildren(button);
    },
    { provider: NAME, ...options },
  );
}

/**
 * Clicks that button.
 *
 * @param {import("puppeteer-core").Page} page
 */
export async function clickProvider(page) {
  await page.bringToFront();
  await page.locator("#provider").click();
}

/**
 * Waits for the outcome of that button.
 *
 * @param {import("./page.mjs").Evaluates} page
 */
export function outcome(page) {
  return until("the sign-in has an outcome", () => page.evaluate(() => window.outcome));
}

/**
 * Types a user's name and a password on the provider's page, and consents.
 *
 * @param {import("puppeteer-core").Page} page the one that the provider's page is in
 * @param {string} user
 */
export async function signInAtProvider(page, user) {
  await page.locator('input[name="login"]').fill(user);
  await page.locator('input[name="password"]').fill("any");
  await page.locator('button[type="submit"]').click();
  const { origin } = new URL(page.url());
  // A page without fields, which a user sees once: the consent.
  const consent = 'form:not(:has(input[name="login"])) button[type="submit"]';
  const next = await until("the provider asks for consent, or is done", async () => {
    if (page.isClosed() || !page.url().startsWith(origin)) return "done";
    return (await page.$(consent).catch(() => null)) && "consent";
  });
  if (next === "consent") await page.locator(consent).click();
}

/**
 * Presses "Cancel" on the provider's page.
 *
 * @param {import("puppeteer-core").Page} page
 */
export async function cancelAtProvider(page) {
  await page.locator('a[href$="/abort"]').click();
}

/**
 * Confirms on the provider's page that the user wants to sign out there, too.
 *
 * @param {import("puppeteer-core").Page} page
 */
export async function signOutAtProvider(page) {
  await page.locator('button[name="logout"]').click();
}

/**
 * Waits until the page is at a URL.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} start what the URL begins with
 */
export async function arrives(page, start) {
  await until(`the page is at ${start}`, () => page.url().startsWith(start), { within: 20_000 });
  await until("the page is loaded", () => page.evaluate(() => document.readyState === "complete").catch(() => false));
}
