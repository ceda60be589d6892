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
 * Takes the result of a redirect, if the URL has one; returns `undefined` at all other pages.
 *
 * @param {Page} page
 */
export function takeReturn(page) {
  const hasResult = /[?&]nolapse_/.test(`${page.realm.location?.search}`);
  return hasResult ? load(page, "takeReturn").catch(() => {}) : undefined;
}

/**
 * Does something that needs the code. A pop-up is opened before that is loaded: browsers block one that the user's gesture did not
 * open at once.
 *
 * @param {Page} page
 * @param {"signIn" | "signOut" | "takeReturn"} task
 * @param {import("./own.js").Fields} [options]
 * @returns {Promise<unknown>}
 */
export function load(page, task, options) {
  const popup = options?.display === "popup" ? page.realm.open?.("", "", "popup") : undefined;
  return import("./provider.js").then(
    (code) => code[task](page, options ?? {}, popup),
    (cause) => {
      popup?.close();
      throw page.app.error("load_failed", "the module could not be loaded", "", "", Number.NaN, cause);
    },
  );
}
