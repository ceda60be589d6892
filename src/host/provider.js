/**
 * Sign-in through a provider (OpenID Connect), by a redirect or in a pop-up. Loaded only for it: see `provider-loader.js`.
 *
 * The auth server is the provider's client. The page only goes there and comes back: the session is in a cookie then, and every tab
 * finds it with a refresh.
 */

import { signOut as sendSignOut } from "./http.js";
import { thumbprint } from "./key-thumbprint.js";
import { own } from "./own.js";
import { outcomeOf } from "./popup.js";
import { countRedirect, readTimes } from "./redirects.js";
import {
  pendingSignOut,
  providerError,
  resultIn,
  returningTo,
  sessionIn,
  signedInElsewhere,
} from "./sign-in-result.js";
import { RecordStorage } from "./storage.js";

/** @typedef {import("./provider-loader.js").Page} Page */

/** A sign-in that was checked. @typedef {{ provider: string, display: "redirect" | "popup", returnTo: string, link: boolean, signal: AbortSignal | undefined }} SignIn */

/** Width and height of a pop-up, in CSS pixels. @type {[number, number]} */
const POPUP_SIZE = [480, 680];

/**
 * The redirects of a page by provider, for pages that can keep nothing.
 *
 * @type {WeakMap<import("./realm.js").Realm, Map<string, number[]>>}
 */
const redirected = new WeakMap();

/**
 * Takes the result of a redirect, once: it is removed from the URL. An error is told to the app; after a success, every tab is told
 * that there is a session now.
 *
 * @param {Page} page
 */
export async function takeReturn({ realm, settings, app }) {
  const { location, history } = realm;
  const result = resultIn(location?.href ?? "", settings.key);
  if (!result) return;
  const { error, provider, cleaned } = result;
  history?.replaceState(history.state, "", cleaned);
  if (error === null) {
    const storage = new RecordStorage(settings.key, realm);
    storage.write(signedInElsewhere(storage.read()));
  } else {
    app.signInError = app.error(...providerError(error), "", "", Number.NaN);
    app.emit?.("sign_in_failed", Object.freeze({ provider, error: app.signInError }));
  }
}

/**
 * Signs in through a provider.
 *
 * @param {Page} page
 * @param {import("./own.js").Fields} options
 * @param {Window | null | undefined} popup the window that was opened for it
 * @returns {Promise<unknown>}
 */
export async function signIn(page, options, popup) {
  try {
    const server = /** @type {string} */ (page.settings.server);
    const wanted = check(page, options);
    if (wanted.signal?.aborted) throw wanted.signal.reason;
    page.app.signInError = null;
    // The cookie of the session that the auth server is to end would be replaced.
    await settleSignOut(page);
    return wanted.display === "popup"
      ? await inPopup(page, wanted, server, popup)
      : await byRedirect(page, wanted, server);
  } catch (error) {
    popup?.close();
    throw error;
  }
}

/**
 * Signs out, and goes to the provider to sign out there if it has a page for that. The auth server tells where that is only while
 * there is a session.
 *
 * @param {Page} page
 * @param {import("./own.js").Fields} options
 */
export async function signOut({ realm, settings, host }, options) {
  const everywhere = Boolean(options.everywhere);
  const url = await endSession(realm, settings, everywhere);
  const isNotified = await host.signOut({ everywhere });
  if (url) realm.location?.assign(url);
  return isNotified;
}

/**
 * Ends the session at the auth server; returns where to sign out at the provider, if there is such a page.
 *
 * @param {import("./realm.js").Realm} realm
 * @param {import("./options.js").Settings} settings
 * @param {boolean} everywhere
 */
async function endSession(realm, settings, everywhere) {
  if (typeof settings.signOut !== "string") return undefined;
  const waiting = (realm.AbortSignal ?? AbortSignal).timeout(settings.timeoutMs);
  const answer = await sendSignOut(realm, settings, everywhere, waiting).catch(() => undefined);
  const { status, body } = own(answer);
  const { end_session_url: url } = own(status === 200 ? body : undefined);
  return typeof url === "string" && /^https?:\/\//.test(url) ? url : undefined;
}

/**
 * @param {Page} page
 * @param {import("./own.js").Fields} options
 * @returns {SignIn}
 */
function check({ realm, settings }, { provider, display = "redirect", returnTo, link = false, signal }) {
  if (typeof provider !== "string" || !/^[\w-]{1,64}$/.test(provider))
    throw new TypeError("provider must be a provider's name");
  if (display !== "redirect" && display !== "popup") throw new TypeError("display must be redirect or popup");
  if (typeof link !== "boolean") throw new TypeError("link must be a boolean");
  const { href = "", origin } = realm.location ?? {};
  const url = new URL(String(returnTo ?? href), href);
  if (!/^https?:$/.test(url.protocol) || url.origin !== origin || url.username || url.password)
    throw new TypeError("returnTo must be a URL of the page's own origin");
  const waiting = /** @type {AbortSignal | undefined} */ (signal);
  return { provider, display, link, signal: waiting, returnTo: returningTo(url.href, settings.key) };
}

/**
 * Returns the URL where a sign-in begins, with the key of this browser that its session is bound to.
 *
 * @param {Page} page
 * @param {SignIn} wanted
 * @param {string} server
 */
async function startOf({ realm, settings }, { provider, display, returnTo, link }, server) {
  const query = new URLSearchParams([["return_to", returnTo], ["display", display], ...(link ? [["link", "1"]] : [])]);
  const jkt = await thumbprint(realm, settings);
  if (jkt) query.set("dpop_jkt", jkt);
  return `${server}/auth/providers/${provider}/sign-in?${query}`;
}

/**
 * Notifies the auth server of a sign-out that it does not know of.
 *
 * @param {Page} page
 */
async function settleSignOut({ realm, settings, app, host }) {
  const pending = pendingSignOut(new RecordStorage(settings.key, realm).read());
  if (pending && (await host.signOut(pending)) !== true)
    throw app.error("unreachable", "the auth server is unreachable", "", "network", Number.NaN);
}

/**
 * Leaves the page. The promise is settled only if the page is shown again, from the back/forward cache.
 *
 * @param {Page} page
 * @param {SignIn} wanted
 * @param {string} server
 * @returns {Promise<never>}
 */
async function byRedirect(page, wanted, server) {
  const { realm, settings, app } = page;
  const { provider, signal } = wanted;
  const counter = `${settings.key}\tredirects\t${provider}`;
  const counted = redirected.get(realm) ?? new Map();
  redirected.set(realm, counted);
  const before = [...readTimes(keep(realm, counter)), ...(counted.get(provider) ?? [])];
  const { times, retryInMs } = countRedirect(
    [...new Set(before)].sort((one, other) => one - other),
    realm.Date.now(),
  );
  counted.set(provider, times);
  const isKept = keep(realm, counter, times.join(" ")) !== undefined;
  // Where nothing can be kept, only the user's own click may leave the page: that is no circle.
  if (retryInMs > 0 || !(isKept || isUsersWish(realm)))
    throw app.error("redirect_loop", "this page has gone to the provider too often", "", "", retryInMs || Number.NaN);
  const start = await startOf(page, wanted, server);
  return new Promise((_, reject) => {
    const controller = new AbortController();
    /** @param {unknown} reason */
    const end = (reason) => {
      controller.abort();
      reject(reason);
    };
    const listening = own({ signal: controller.signal });
    const { addEventListener } = EventTarget.prototype;
    const onShown = (/** @type {Event} */ event) => {
      if (/** @type {PageTransitionEvent} */ (event).persisted)
        end(new DOMException("the user came back to this page", "AbortError"));
    };
    addEventListener.call(realm, "pageshow", onShown, listening);
    signal?.addEventListener("abort", () => end(signal.reason), listening);
    realm.location?.assign(start);
  });
}

/** Whether the user has clicked just now; browsers that cannot tell are trusted. @param {import("./realm.js").Realm} realm */
function isUsersWish({ navigator }) {
  return navigator?.userActivation?.isActive ?? true;
}

/**
 * @param {Page} page
 * @param {SignIn} wanted
 * @param {string} server
 * @param {Window | null | undefined} popup
 */
async function inPopup(page, wanted, server, popup) {
  const { realm, settings, app, host } = page;
  const { provider, signal } = wanted;
  if (!popup || popup.closed)
    throw app.error("popup_blocked", "the browser has blocked the pop-up", "", "", Number.NaN);
  const storage = new RecordStorage(settings.key, realm);
  const before = sessionIn(storage.read());
  popup.resizeTo(...POPUP_SIZE);
  popup.location.replace(await startOf(page, wanted, server));
  const outcome = await outcomeOf(realm, popup, new URL(server).origin, provider, signal);
  const adopt = () => host.signIn({ reason: "load", page: "visible", active_ago: 0 }, "refresh");
  if (outcome !== "closed") {
    popup.close();
    if (outcome.error !== undefined) throw app.error(...providerError(outcome.error), "", "", Number.NaN);
    return adopt();
  }
  // A pop-up that could not report may have signed in.
  const failure = await adopt().then(
    () => undefined,
    (cause) => ({ cause }),
  );
  if (failure || (before && before === sessionIn(storage.read())))
    throw app.error("popup_closed", "the pop-up was closed", "", "", Number.NaN, failure?.cause);
  return undefined;
}

/**
 * Reads a text of this tab, and writes it if one is given. Returns what it was before; `undefined` if storage is unavailable.
 *
 * @param {import("./realm.js").Realm} realm
 * @param {string} name
 * @param {string} [text]
 */
function keep(realm, name, text) {
  try {
    const storage = realm.sessionStorage;
    const before = storage?.getItem(name);
    if (text !== undefined) storage?.setItem(name, text);
    return before;
  } catch {
    return undefined;
  }
}
