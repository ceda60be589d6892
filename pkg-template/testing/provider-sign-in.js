/** A sign-in through a provider, as the auth server's URLs have it. */

/** Where a sign-in begins, below the auth server's origin. */
const SIGN_IN = /\/auth\/providers\/([\w-]+)\/sign-in$/;

/** @typedef {{ provider: string, origin: string, returnTo: string, isLink: boolean }} ProviderSignIn */

/**
 * Reads the sign-in that a page has gone to; `undefined` if it is elsewhere.
 *
 * @param {string | undefined} left the URL
 * @returns {ProviderSignIn | undefined}
 */
export function signInAt(left) {
  if (left === undefined) return undefined;
  const { pathname, searchParams, origin } = new URL(left);
  const [, provider] = SIGN_IN.exec(pathname) ?? [];
  const returnTo = searchParams.get("return_to");
  if (!provider || !returnTo) return undefined;
  return { provider, origin, returnTo, isLink: searchParams.has("link") };
}

/**
 * Returns the URL of the page that a sign-in returns to, with the error if it failed.
 *
 * @param {ProviderSignIn} signIn
 * @param {string | undefined} error
 */
export function returnOf({ provider, returnTo }, error) {
  if (error === undefined) return returnTo;
  return returnTo.replace(/(?=#|$)/, `&nolapse_error=${error}&nolapse_provider=${provider}`);
}

/**
 * Creates the message of the pop-up's last page to the page that has opened it.
 *
 * @param {ProviderSignIn} signIn
 * @param {unknown} source the pop-up
 * @param {string | undefined} error
 */
export function messageOf({ provider, origin }, source, error) {
  const data = { type: "nolapse:sign-in", provider, ...(error !== undefined && { error }) };
  return Object.assign(new Event("message"), { source, origin, data });
}
