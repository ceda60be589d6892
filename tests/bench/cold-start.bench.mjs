/**
 * The time from the load of a page to its first authorised response: with the SDK, whose session is bound to a key or is not, and
 * with a hand-written refresher, for one tab or with a lock as the SDK has it.
 *
 * The browser has the cookie, and no token. All are bundled alike, served by the real server,
 * and take turns; time runs from the first statement of the bundle. `NOLAPSE_ROUNDS=2` makes a quick trial of it.
 */

import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";

import { root } from "../../pkg-template/tools/process.mjs";
import { newUser, openSession, signIn } from "../e2e/harness/page.mjs";
import { early } from "../e2e/harness/site.mjs";
import { until } from "../e2e/harness/until.mjs";
import { roundsOf } from "./peers/rounds.mjs";
import { median, onStage, shuffled, table } from "./scene.mjs";

/** The limits of the SDK's time, as multiples of the hand-written refresher's, without and with a lock. */
const BUDGETS = [1.3, 1.2];
/** The limit with an app and a cold cache, where the page's head begins the refresh and the module's download. */
const EARLY_BUDGET = 1.05;

const ROUNDS = roundsOf(20);
const LIFE_SECONDS = 3;

/** By how much a proof of the key may delay the first response, in milliseconds: it is made while the module and the lock are waited for. */
const PROOF_BUDGET_MS = 2;

/** The scripts of the pages. */
const SCRIPTS = /** @type {const} */ (["by-hand", "by-hand-locked", "sdk"]);

/**
 * What is compared: a script, whether the page's head has what the documents have it begin, and whether its visitor's session is
 * bound.
 */
const CONTESTANTS = /** @type {const} */ ([
  { name: "by hand", script: "by-hand", isEarly: false, isBound: false },
  { name: "with a lock", script: "by-hand-locked", isEarly: false, isBound: false },
  { name: "SDK", script: "sdk", isEarly: false, isBound: false },
  { name: "SDK, proof", script: "sdk", isEarly: false, isBound: true },
  { name: "SDK, proof, early script", script: "sdk", isEarly: true, isBound: true },
]);

/**
 * How pages are loaded. The budgets are for servers 40 ms away, a short distance for most users, and a processor as it is. A slower
 * one stands for a phone. Without latency, when a refresh takes as long as compiling the module, the figures show what is left to
 * gain. With an app, its libraries are in the same bundle, and run first.
 *
 * @typedef {{ name: string, cache: boolean, expired: boolean, roundTripMs: number, slowdown?: number, hasApp?: boolean }} Kind
 */

/** @type {readonly Kind[]} */
const KINDS = [
  { name: "40 ms away, warm cache", cache: true, expired: true, roundTripMs: 40 },
  { name: "40 ms away, cold cache", cache: false, expired: true, roundTripMs: 40 },
  { name: "40 ms away, warm cache, processor 4 x slower", cache: true, expired: true, roundTripMs: 40, slowdown: 4 },
  { name: "40 ms away, warm cache, processor 6 x slower", cache: true, expired: true, roundTripMs: 40, slowdown: 6 },
  { name: "40 ms away, cold cache, an app", cache: false, expired: true, roundTripMs: 40, hasApp: true },
  {
    name: "40 ms away, warm cache, an app, processor 4 x slower",
    cache: true,
    expired: true,
    roundTripMs: 40,
    slowdown: 4,
    hasApp: true,
  },
  { name: "one machine, warm cache", cache: true, expired: true, roundTripMs: 0 },
  { name: "one machine, cold cache", cache: false, expired: true, roundTripMs: 0 },
  { name: "one machine, warm cache, processor 4 x slower", cache: true, expired: true, roundTripMs: 0, slowdown: 4 },
  { name: "one machine, warm cache, processor 6 x slower", cache: true, expired: true, roundTripMs: 0, slowdown: 6 },
  { name: "one machine, warm cache, reloaded at once", cache: true, expired: false, roundTripMs: 0 },
];

/** @typedef {{ page: import("puppeteer-core").Page, kind: Kind, isBound: boolean, lastVisit: number }} Visitor */

const site = await makeSite();
try {
  await onStage({ SITE_DIR: site, TOKEN_LIFE_SECONDS: `${LIFE_SECONDS}`, REFRESHES_PER_MINUTE: "0" }, bench);
} finally {
  await rm(site, { recursive: true, force: true });
}

/** @type {Parameters<typeof onStage>[1]} */
async function bench(server, browser) {
  /** @type {Visitor[]} */
  const visitors = [];
  for (const kind of KINDS)
    for (const isBound of [false, true]) visitors.push(await arrive(server, browser, kind, isBound));
  /** @type {Record<string, Record<string, number>[]>} */
  const told = {};
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const contestant of shuffled(CONTESTANTS)) {
      for (const visitor of shuffled(visitors.filter(({ isBound }) => isBound === contestant.isBound))) {
        if (!visitor.kind.expired) await visit(server, visitor, "sdk");
        const times = await visit(server, visitor, contestant.script, contestant.isEarly);
        const key = `${visitor.kind.name} ${contestant.name}`;
        // The first round fills the cache.
        if (round >= 0) told[key] = [...(told[key] ?? []), times];
      }
    }
  }
  const excesses = [];
  for (const { name, roundTripMs, slowdown, hasApp } of KINDS) {
    const isLimited = roundTripMs > 0 && slowdown === undefined && !hasApp;
    const isEarlyLimited = slowdown === undefined && hasApp;
    const all = CONTESTANTS.map((contestant) => medians(told[`${name} ${contestant.name}`] ?? []));
    const [byHand, locked, plain, proven, withHead] = /** @type {[number, number, number, number, number]} */ (
      all.map(({ answered = Number.NaN }) => answered)
    );
    const ratios = [plain / byHand, plain / locked];
    const earlyRatio = withHead / byHand;
    const [ratio, lockedRatio, earlyText] = [...ratios, earlyRatio].map((value) => `${value.toFixed(2)} x`);
    const steps = Object.keys(all[0] ?? {}).map((step) => [step, ...all.map((times) => shown(times[step]))]);
    console.log(table([[`${name}, ms since script start`, ...CONTESTANTS.map((one) => one.name)], ...steps]));
    const delay = proven - plain;
    const budgets = isLimited ? `; budgets: ${BUDGETS.join(" x and ")} x, ${PROOF_BUDGET_MS} ms for a proof` : "";
    const earlyBudget = isEarlyLimited ? `; budget: ${EARLY_BUDGET} x with the early script` : "";
    const sums = `ratio ${ratio}, ${lockedRatio} with a lock, ${earlyText} with the early script; a proof costs ${delay.toFixed(1)} ms`;
    console.log(`${sums}; medians of ${ROUNDS} loads each${budgets}${earlyBudget}\n`);
    const isOver = ratios.some((value, i) => !(value <= (BUDGETS[i] ?? 0))) || !(delay <= PROOF_BUDGET_MS);
    if ((isLimited && isOver) || (isEarlyLimited && !(earlyRatio <= EARLY_BUDGET))) excesses.push(`${name}: ${sums}`);
  }
  return excesses;
}

/**
 * Signs a new user up in a new context.
 *
 * @param {import("./scene.mjs").Server} server
 * @param {import("./scene.mjs").Browser} browser
 * @param {Kind} kind
 * @param {boolean} isBound whether the session is bound to a key of the browser
 * @returns {Promise<Visitor>}
 */
async function arrive(server, browser, kind, isBound) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(`${server.auth}/blank.html`);
  await openSession(page, server, { deviceBinding: isBound });
  await signIn(page, newUser(), "sign-up");
  if (!kind.cache) await page.setCacheEnabled(false);
  if (kind.roundTripMs > 0) {
    // Each request then takes at least that long.
    await page.emulateNetworkConditions({ download: -1, upload: -1, latency: kind.roundTripMs });
  }
  return { page, kind, isBound, lastVisit: performance.now() };
}

/**
 * Loads one of the pages; if requested, once the user's last token has expired.
 *
 * @param {import("./scene.mjs").Server} server
 * @param {Visitor} visitor
 * @param {string} script
 * @param {boolean} [isEarly] whether the page's head has what the documents have it begin
 */
async function visit(server, visitor, script, isEarly) {
  const { page, kind } = visitor;
  const name = nameOf(script, kind.hasApp, isEarly);
  const expiry = kind.expired ? visitor.lastVisit + LIFE_SECONDS * 1_000 : 0;
  await until("the last token has expired", () => performance.now() > expiry);
  await page.bringToFront();
  // For the visit alone: a page that is slowed down takes processor time even when it is blank.
  await page.emulateCPUThrottling(kind.slowdown ?? null);
  await page.goto(`${server.auth}/${name}.html?api=${encodeURIComponent(server.api)}`);
  const { status, times } = await page.evaluate(() => window.told);
  // An open page would renew its token.
  await page.emulateCPUThrottling(null);
  await page.goto("about:blank");
  visitor.lastVisit = performance.now();
  if (status !== 200) throw new Error(`${name}: the first answer was ${status}`);
  return times;
}

/**
 * The name of a page.
 *
 * @param {string} script
 * @param {boolean} [hasApp]
 * @param {boolean} [isEarly]
 */
function nameOf(script, hasApp, isEarly) {
  return [script, hasApp && "app", isEarly && "early"].filter(Boolean).join("-");
}

/** Bundles the pages into the server's folder. */
async function makeSite() {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-bench-"));
  const assets = join(folder, "assets");
  const installed = join(root, "node_modules", "nolapse");
  await mkdir(assets);
  await writeFile(join(folder, "blank.html"), pageWith(""));
  for (const script of SCRIPTS) {
    for (const hasApp of [false, true]) {
      const name = nameOf(script, hasApp);
      await bundle(script, hasApp, join(assets, `${name}.js`));
      const main = `<script type="module" src="/assets/${name}.js"></script>`;
      await writeFile(join(folder, `${name}.html`), pageWith(main));
      const headed = early("/assets/nolapse_bg.wasm") + main;
      await writeFile(join(folder, `${nameOf(script, hasApp, true)}.html`), pageWith(headed));
    }
  }
  await copyFile(join(installed, "nolapse_bg.wasm"), join(assets, "nolapse_bg.wasm"));
  // For the page that signs up, and the script in the head.
  await cp(installed, join(folder, "nolapse"), { recursive: true });
  return folder;
}

/**
 * @param {string} script
 * @param {boolean} hasApp whether the libraries of an app come first
 * @param {string} outfile
 */
async function bundle(script, hasApp, outfile) {
  const sources = [...(hasApp ? ["app"] : []), script];
  await build({
    stdin: {
      contents: sources.map((source) => `import "./${source}.mjs";`).join("\n"),
      resolveDir: join(root, "tests", "bench", "cold-start"),
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["*/nolapse_js.js"],
    outfile,
    banner: { js: 'performance.mark("script-start");' },
  });
}

/** @param {string} scripts */
function pageWith(scripts) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>a page</title><link rel="icon" href="data:,">${scripts}</head><body></body></html>\n`;
}

/** @param {readonly Record<string, number>[]} all */
function medians(all) {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(all.map((times) => times[name] ?? 0))]));
}

/** @param {number | undefined} value */
function shown(value) {
  return value ? value.toFixed(1) : "–";
}
