import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { createServer } from "vite";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { makeApp } from "./app.mjs";

/** The number of module replacements. */
const SWAPS = 50;

/** Counts a page's listeners, timers and channels, from before the first script. */
const COUNTING = `
  window.held = { channels: 0, listeners: 0, timers: new Set() };
  const { setTimeout: arm, clearTimeout: disarm, BroadcastChannel: Channel } = window;
  window.setTimeout = (work, ...rest) => {
    const timer = arm(() => {
      held.timers.delete(timer);
      work();
    }, ...rest);
    held.timers.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => {
    held.timers.delete(timer);
    disarm(timer);
  };
  window.BroadcastChannel = class extends Channel {
    constructor(name) {
      super(name);
      held.channels++;
    }
    close() {
      held.channels--;
      super.close();
    }
  };
  const { addEventListener: listen, removeEventListener: unlisten } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if ((this ?? window) === window || this === document) {
      held.listeners++;
      options?.signal?.addEventListener("abort", () => held.listeners--);
    }
    return listen.call(this ?? window, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    if ((this ?? window) === window || this === document) held.listeners--;
    return unlisten.call(this ?? window, type, listener, options);
  };
`;

/** The module that is replaced: it makes the session, and closes it when its time is over. @param {number} version */
function sessionModule(version) {
  return `
    import { createSession } from "nolapse";
    const refresh = async () => {
      window.refreshes = (window.refreshes ?? 0) + 1;
      return { access_token: "version.${version}", expires_in: 60 };
    };
    export const session = createSession({ auth: { refresh }, storageKey: "hot" });
    await session.refresh();
    import.meta.hot.accept();
    import.meta.hot.dispose(() => session.close());
    document.body.dataset.version = "${version}";
  `;
}

test(`P36 ${SWAPS} hot replacements of the module with the session leave one of everything`, async (t) => {
  const app = await makeApp(t, {
    "index.html": `<!doctype html><link rel="icon" href="data:,"><body><script>${COUNTING}</script>
      <script type="module" src="/main.js"></script>`,
    "main.js": 'import "./session.js";',
    "session.js": sessionModule(0),
  });
  const file = join(app, "session.js");
  // The test emits each change itself: the file watcher skips some that follow another one closely.
  const options = { port: 0, watch: { ignored: ["**/session.js"] } };
  const server = await createServer({ root: app, configFile: false, logLevel: "silent", server: options });
  t.after(() => server.close());
  await server.listen();
  const page = await (await launchBrowser(t)).newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(server.resolvedUrls?.local[0] ?? "");

  /** @param {number} version */
  const replaced = async (version) => {
    await page.waitForFunction(`document.body.dataset.version === "${version}"`, { timeout: 20_000 });
    return page.evaluate(`navigator.locks.query().then((locks) => ({
      channels: held.channels,
      listeners: held.listeners,
      timers: held.timers.size,
      locks: locks.held.length + locks.pending.length,
      refreshes,
    }))`);
  };
  await replaced(0);
  /** @type {unknown[]} */
  const seen = [];
  for (let version = 1; version <= SWAPS; version++) {
    await writeFile(file, sessionModule(version));
    server.watcher.emit("change", file);
    seen.push(await replaced(version));
  }

  const first = /** @type {{ refreshes: number }} */ (seen[0]);
  assert.deepEqual(errors, []);
  assert.deepEqual(seen.at(-1), { ...first, refreshes: first.refreshes + SWAPS - 1 });
  t.diagnostic(JSON.stringify(first));
});
