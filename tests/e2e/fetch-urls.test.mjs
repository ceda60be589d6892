import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openPage } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

const URLS = 10_000;

const SCHEMES = [
  "https://",
  "http://",
  "HTTPS://",
  "https:\\\\",
  "https:/",
  "https:",
  "//",
  "/\\",
  "",
  "blob:https://",
  "data:",
  "javascript:",
  "ws://",
  "wss://",
  " https://",
  "ht\ntps://",
  "file://",
  "https:///",
];

/** @param {string} page the host of the page */
function hostsFor(page) {
  return [
    "api.example.com",
    "API.example.com",
    "api.example.com.",
    "api.example.com.evil.com",
    "evil.com",
    "api.example.com@evil.com",
    "evil.com@api.example.com",
    "evil.com#@api.example.com",
    "evil.com\\@api.example.com",
    "api.example.com:443",
    "api.example.com:444",
    "api.example.com:",
    "xn--pi-0ja.example.com",
    "аpi.example.com",
    "api%2eexample.com",
    "api.example.com%00.evil.com",
    "api。example。com",
    "evil.com/.api.example.com",
    "evil.com?api.example.com",
    "[::1]",
    page,
    `${page}.evil.com`,
  ];
}

const TAILS = [
  "",
  "/",
  "/notes",
  "/../..//evil.com",
  "?q=https://api.example.com",
  "#x",
  "\\evil.com",
  "//evil.com",
  "/\t\n",
  ":80/",
  "@evil.com/",
];

test("P22 10,000 hostile URLs are judged as the platform resolves them", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const { page } = await openPage(browser, server);

  const urls = hostileUrls(new URL(server.auth).host, seed);
  const seen = await page.evaluate(judge, server.auth, urls);

  assert.deepEqual(seen, { failures: [], admitted: true, refused: true });
});

/**
 * Makes random URLs from pieces, one in four with a character inserted.
 *
 * @param {string} page the host of the page
 * @param {number} seed
 */
function hostileUrls(page, seed) {
  let state = seed;
  const draw = (/** @type {number} */ below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  const pick = (/** @type {string[]} */ from) => from[draw(from.length)] ?? "";
  const hosts = hostsFor(page);
  return Array.from({ length: URLS }, () => {
    const url = pick(SCHEMES) + pick(hosts) + pick(TAILS);
    if (draw(4) !== 0) return url;
    const at = draw(url.length + 1);
    return url.slice(0, at) + String.fromCharCode(draw(draw(2) === 0 ? 128 : 0x3100)) + url.slice(at);
  });
}

/**
 * Runs on the page: compares the wrapper's judgement of URLs with the platform's own parsing. `fetch` is replaced before
 * the session starts, so that nothing is sent.
 *
 * @param {string} auth
 * @param {readonly string[]} urls
 */
async function judge(auth, urls) {
  /** @type {string | null} */
  let sent = null;
  const native = window.fetch;
  const answer = new Response("{}");
  window.fetch = async (input, init) => {
    if (input instanceof URL && input.pathname.endsWith(".wasm")) return native(input, init);
    sent = input instanceof Request ? input.headers.get("authorization") : null;
    return answer;
  };
  /** @type {typeof import("nolapse")} */
  const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
  const session = createSession({ auth, allowedOrigins: ["https://api.example.com"] });
  await session.ready;
  await session.setTokens({ access_token: "a.b.c", expires_in: 3_600, session: { id: "s", user: null } });

  const failures = [];
  let admitted = false;
  let refused = false;
  for (const url of urls) {
    let expected = false;
    try {
      const { origin, protocol, username, password } = new URL(url, document.baseURI);
      const isListed = origin === "https://api.example.com" || origin === location.origin;
      expected = /^https?:$/.test(protocol) && isListed && username + password === "";
    } catch {
      expected = false;
    }
    sent = null;
    await session.fetch(url).catch(() => undefined);
    if ((sent === "Bearer a.b.c") !== expected) failures.push(url);
    if (expected) admitted = true;
    else refused = true;
  }
  session.close();
  return { failures: failures.slice(0, 5), admitted, refused };
}
