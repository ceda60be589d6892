/** Loads the code of sign-in through a provider, which most sessions do without: for such a sign-in, and after a redirect. */

/**
 * What a sign-in through a provider works on.
 *
 * @typedef {object} Page
 * @property {import("./realm.js").Realm} realm
 * @property {import("./options.js").Settings} settings
 * @property {import("./app.js").App} app
 * @property {import("./host.js").Host} host
 */

/**
 * Takes the result of a redirect, if this tab went to a provider or the URL has an error of one. Returns `undefined` at all other
 * pages.
 *
 * @param {Page} page
 * @returns {Promise<void> | undefined}
 */
export function takeReturn(page) {
  const { realm, settings } = page;
  try {
    // The URL first: reading blocked storage throws.
    if (
      /[?&]nolapse_error=/.test(realm.location?.search ?? "") ||
      realm.sessionStorage?.getItem(`${settings.key}\tsign-in`)
    )
      return import("./provider.js").then((code) => code.takeReturn(page)).catch(() => {});
  } catch {
    // Storage is blocked.
  }
  return undefined;
}

/**
 * Signs in through a provider. A pop-up is opened before the code is loaded: browsers block one that the user's gesture did not
 * open at once.
 *
 * @param {Page} page
 * @param {import("./own.js").Fields} options
 */
export async function signInThrough(page, options) {
  const popup =
    options.display === "popup" ? page.realm.open?.("about:blank", "_blank", "popup,width=480,height=680") : null;
  const code = await load(page, popup);
  return code.signIn(page, options, popup);
}

/**
 * Signs out, and goes to the provider to sign out there.
 *
 * @param {Page} page
 * @param {boolean} everywhere
 */
export async function signOutAtProvider(page, everywhere) {
  return (await load(page)).signOut(page, everywhere);
}

/**
 * @param {Page} page
 * @param {Window | null} [popup] closed if the code cannot be loaded
 */
function load({ app }, popup) {
  return import("./provider.js").catch((cause) => {
    popup?.close();
    throw app.error("load_failed", "provider.js could not be loaded", "", "", Number.NaN, cause);
  });
}
