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
 * Takes the result of a redirect, if this tab went to a provider; returns `undefined` if it did not.
 *
 * @param {Page} page
 * @returns {Promise<void> | undefined}
 */
export function takeReturn(page) {
  try {
    if (page.realm.sessionStorage?.getItem(`${page.settings.key}\tsign-in`))
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
export function signInThrough(page, options) {
  const popup = options.display === "popup" && page.realm.open?.("", "", "popup");
  return load(page, (code) => code.signIn(page, options, popup || undefined), popup);
}

/**
 * Signs out, and goes to the provider to sign out there.
 *
 * @param {Page} page
 * @param {boolean} everywhere
 */
export function signOutAtProvider(page, everywhere) {
  return load(page, (code) => code.signOut(page, everywhere));
}

/**
 * @param {Page} page
 * @param {(code: typeof import("./provider.js")) => Promise<unknown>} work
 * @param {Window | null | false} [popup] closed if the code cannot be loaded
 */
function load({ app }, work, popup) {
  return import("./provider.js").then(work, (cause) => {
    if (popup) popup.close();
    throw app.error("load_failed", "provider.js could not be loaded", "", "", Number.NaN, cause);
  });
}
