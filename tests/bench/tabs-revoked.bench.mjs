/**
 * How soon the pages of a browser know that their session was revoked: with `push`, where the stream cannot be opened, and without
 * the option. Real pages, two auth servers on one PostgreSQL; the pages are at the first, and each revokes every other session.
 */

import { percentile } from "../apis/revoked-apis.mjs";
import { startPair } from "../apis/pair.mjs";
import { startPostgres } from "../apis/postgres.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { newUser, openPage, openSession, signIn } from "../e2e/harness/page.mjs";
import { everywhere } from "../e2e/harness/tabs.mjs";
import { until } from "../e2e/harness/until.mjs";
import { staged, table } from "./scene.mjs";

const SESSIONS = Number(process.argv[2] ?? 200);
/** Sessions of the rows without a stream: they end together. */
const WITHOUT = 20;
/** Pages of a session. */
const TABS = 2;
/** P56 at p99, and P14 for each. */
const WITH_PUSH_MS = 1_000;
const WITHOUT_MS = 60_000;

/** Sign-ins are not what is measured: the quickest hash, and no limit. */
const QUICK = { PASSWORD_MEMORY_KIB: "64", PASSWORDS_PER_ACCOUNT: "0" };

/** @typedef {Awaited<ReturnType<typeof openTabs>>} Opened */
/** @typedef {{ browser: import("puppeteer-core").Browser, servers: readonly import("../e2e/harness/server.mjs").Server[] }} Scene */

await staged(async (test) => {
  const [postgres, browser] = await Promise.all([startPostgres(test), launchBrowser(test)]);
  const servers = await startPair(test, { ...QUICK, DATABASE_URL: postgres.url });
  const scene = { browser, servers };
  /** @type {[name: string, took: number[], mostAtP99: number][]} */
  const found = [
    ["with push", await playOneByOne(scene), WITH_PUSH_MS],
    ["push, its stream cut off", await playTogether(scene, { push: true, blocked: true }), WITHOUT_MS],
    ["without push", await playTogether(scene, {}), WITHOUT_MS],
  ];
  const rows = found.map(([name, took]) => {
    const at = [0.5, 0.99, 1].map((share) => percentile(took, share).toFixed(0));
    return [name, ...at, `${took.length}`];
  });
  console.log(table([["revoke → page knows, ms", "p50", "p99", "max", "pages"], ...rows]));
  console.log(`\n${TABS} pages a session; one session after another with push, ${WITHOUT} at once in the other rows`);
  return found.flatMap(([name, took, most]) => {
    const p99 = percentile(took, 0.99);
    return p99 <= most ? [] : [`${name}: p99 ${p99.toFixed(0)} ms`];
  });
});

/** @param {Scene} scene */
async function playOneByOne({ browser, servers }) {
  /** @type {number[]} */
  const took = [];
  for (let turn = 0; turn < SESSIONS; turn++) {
    const opened = await openTabs(browser, servers, { push: true });
    await until("one page has the stream", () => openStreams(opened) === 1);
    took.push(...(await revoke(opened, servers, turn)));
    await opened.context.close();
  }
  return took;
}

/** @param {Scene} scene @param {{ push?: boolean, blocked?: boolean }} options */
async function playTogether({ browser, servers }, options) {
  const sessions = [];
  for (let turn = 0; turn < WITHOUT; turn++) sessions.push(await openTabs(browser, servers, options));
  const took = await Promise.all(sessions.map((opened, turn) => revoke(opened, servers, turn)));
  for (const { context } of sessions) await context.close();
  return took.flat();
}

/**
 * Opens pages of a new user, in a browser of their own.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {Scene["servers"]} servers
 * @param {{ push?: boolean, blocked?: boolean }} options `blocked`: no request for a stream gets out
 */
async function openTabs(browser, [server], { push = false, blocked = false }) {
  if (!server) throw new Error("there is no server");
  const context = await browser.createBrowserContext();
  const tabs = [];
  for (let tab = 0; tab < TABS; tab++) {
    const opened = await openPage(context, server);
    if (blocked) {
      const session = await opened.page.createCDPSession();
      await session.send("Network.enable");
      await session.send("Network.setBlockedURLs", { urls: ["*/auth/events*"] });
    }
    await openSession(opened.page, server, { push });
    tabs.push(opened);
  }
  const [first] = tabs;
  if (first) await signIn(first.page, newUser(), "sign-up");
  await everywhere(tabs, ({ page }) =>
    until("signed in", () => page.evaluate(() => window.session.status.state === "signed_in")),
  );
  return { context, tabs };
}

/** @param {Opened} opened */
function openStreams({ tabs }) {
  return tabs.flatMap(({ network }) => network.to("/auth/events")).filter(({ status }) => status === 200).length;
}

/**
 * Revokes the session of pages.
 *
 * @param {Opened} opened
 * @param {Scene["servers"]} servers
 * @param {number} turn
 * @returns {Promise<number[]>} for each page the milliseconds from the request that revokes until its status says so
 */
async function revoke({ tabs }, servers, turn) {
  const ends = await everywhere(tabs, ({ page }) =>
    page.evaluateHandle(() => ({
      at: new Promise((resolve) => {
        const stop = window.session.subscribe(({ state }) => {
          if (state !== "signed_out") return;
          stop();
          resolve(Date.now());
        });
      }),
    })),
  );
  const sessionId = await tabs[0]?.page.evaluate(() => {
    const { status } = window.session;
    return status.state === "signed_in" ? status.sessionId : "";
  });
  const begun = Date.now();
  await servers[turn % servers.length]?.pull("session", { session_id: sessionId, change: "revoke" });
  return Promise.all(ends.map(async (end) => Number(await end.evaluate(({ at }) => at)) - begun));
}
