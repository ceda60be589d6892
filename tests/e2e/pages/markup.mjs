/** A session on a page whose markup clobbers every global that scripts may read. Runs on pages. */

import { LISTED, nextMillisecond, openRecorded } from "./world.mjs";

/**
 * Writes markup that shadows a name of the document and of the window, if the platform allows it (DOM clobbering).
 *
 * @param {readonly string[]} names
 * @param {readonly string[]} frames names that frames of the page get, too
 */
function write(names, frames) {
  const host = Document.prototype.createElement.call(document, "div");
  const kinds = ["img", "form", "embed", "object", "a"];
  host.innerHTML = [
    ...names.flatMap((name) => kinds.map((kind) => `<${kind} name="${name}" id="${name}"></${kind}>`)),
    ...names.map((name) => `<form id="${name}"><input name="${name}"></form>`),
    ...frames.map((name) => `<iframe name="${name}"></iframe>`),
  ].join("");
  Reflect.get(Document.prototype, "body", document).append(host);
  return host;
}

/**
 * Plays the same calls with and without such markup.
 *
 * @param {readonly string[]} names
 * @param {readonly string[]} frames
 */
export async function compareWithMarkup(names, frames) {
  const hide = (/** @type {string} */ state) => {
    const isHidden = state === "hidden";
    Object.defineProperty(Document.prototype, "hidden", { get: () => isHidden, configurable: true });
    Object.defineProperty(Document.prototype, "visibilityState", { get: () => state, configurable: true });
    EventTarget.prototype.dispatchEvent.call(document, new Event("visibilitychange"));
    nextMillisecond();
  };
  const live = async (/** @type {string} */ name) => {
    /** @type {string[]} */
    const pages = [];
    let tokens = 0;
    const refresh = async (/** @type {import("nolapse").RefreshContext} */ { page }) => {
      pages.push(page);
      return { access_token: `token.${++tokens}`, expires_in: 3_600 };
    };
    const { session, recorder } = await openRecorded({ auth: { refresh }, storageKey: name });
    await session.refresh();
    const calls = ["/path", "path", "?query", LISTED, `${LISTED}/x`, "https://foreign.example.net/"];
    for (const url of calls) await session.fetch(url);
    hide("hidden");
    await session.refresh({ force: true });
    hide("visible");
    await session.refresh({ force: true });
    const trace = session.trace().map(({ page }) => page);
    session.close();
    return { sent: await recorder.take(), pages, trace: [...new Set(trace)].sort() };
  };
  const clean = await live("without");
  const host = write(names, frames);
  const isTaken = typeof document.baseURI !== "string" || typeof document.hidden !== "boolean";
  try {
    return { clean, marked: await live("with"), isTaken };
  } finally {
    Element.prototype.remove.call(host);
  }
}
