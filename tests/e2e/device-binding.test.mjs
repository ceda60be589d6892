/** Sessions that are bound to a key of the browser, and refreshes that no preflight precedes. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { launchBrowser } from "./harness/browser.mjs";
import { listen } from "./harness/listen.mjs";
import { newUser, openPage, openSession, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** @typedef {import("puppeteer-core").Page} Page */

/** How often a thief tries, with and without a key of their own. */
const TRIES = 1_000;

/** No limit: each of the thief's tries is judged by itself. */
const UNLIMITED = { REFRESHES_PER_MINUTE: "0" };

/** Puts the refresh cookie of one browser into another. @param {Page} from @param {Page} to */
async function copyCookie(from, to) {
  const [source, target] = await Promise.all([from.createCDPSession(), to.createCDPSession()]);
  const { cookies } = await source.send("Network.getCookies");
  const cookie = cookies.find(({ name }) => name.includes("Http-nolapse") && !name.includes("device"));
  assert.ok(cookie);
  const { name, value } = cookie;
  const url = page(to);
  await target.send("Network.setCookie", {
    name,
    value,
    url,
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Strict",
  });
}

/** @param {Page} opened */
function page(opened) {
  return new URL("/", opened.url()).href;
}

/** Changes what the browser has in place of the key. @param {Page} opened @param {"clear" | "replace"} how */
function spoil(opened, how) {
  return opened.evaluate(async (kind) => {
    /** @type {<T>(request: IDBRequest<T>) => Promise<T>} */
    const settled = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = reject;
      });
    const database = await settled(indexedDB.open("nolapse"));
    const keys = () => database.transaction("keys", "readwrite").objectStore("keys");
    const [name = ""] = await settled(keys().getAllKeys());
    if (kind === "clear") await settled(keys().clear());
    else {
      const [, header, skew] = await settled(keys().get(name));
      const algorithm = { name: "ECDSA", namedCurve: "P-256" };
      const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ["sign"]);
      const { x, y } = await crypto.subtle.exportKey("jwk", publicKey);
      const plain = JSON.parse(atob(header.replaceAll("-", "+").replaceAll("_", "/")));
      const encoded = btoa(JSON.stringify({ ...plain, jwk: { ...plain.jwk, x, y } }));
      const url = encoded.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      await settled(keys().put([privateKey, url, skew], name));
    }
    database.close();
  }, how);
}

/** Refreshes; how it went, and the status after it. @param {Page} opened */
function refresh(opened) {
  return opened.evaluate(async () => {
    const outcome = await window.session.refresh({ force: true }).then(
      () => "refreshed",
      ({ code, reason }) => reason ?? code,
    );
    return [outcome, window.session.status.state];
  });
}

test("P53 a copied cookie in another profile gets no token in 1,000 tries, and the owner goes on", async (t) => {
  const [server, browser] = await Promise.all([startServer(t, UNLIMITED), launchBrowser(t)]);
  const owner = await openSignedIn(browser, server);
  // A thief with a key of their own, by a session of their own.
  const thief = await openSignedIn(await browser.createBrowserContext(), server);
  await copyCookie(owner.page, thief.page);

  const tokens = await thief.page.evaluate(
    async (url, tries) => {
      let granted = 0;
      const codes = new Set();
      for (let round = 0; round < tries; round++) {
        const dpop = round % 2 ? await window.session.proof({ url, method: "POST" }) : undefined;
        const body = JSON.stringify({ version: "2", reason: "load", page: "visible", dpop });
        const answer = await fetch(url, { method: "POST", body, credentials: "include" }).then((it) => it.json());
        granted += Number("access_token" in answer);
        codes.add(answer.error);
      }
      return [granted, ...codes];
    },
    `${server.auth}/auth/refresh`,
    TRIES,
  );

  assert.deepEqual(tokens, [0, "invalid_dpop_proof", "session_ended"]);
  assert.deepEqual(await refresh(owner.page), ["refreshed", "signed_in"]);
  // The SDK of the thief's browser ends there, and changes nothing for the owner.
  await copyCookie(owner.page, thief.page);
  assert.deepEqual(await refresh(thief.page), ["key_lost", "signed_out"]);
  assert.deepEqual(await refresh(owner.page), ["refreshed", "signed_in"]);
  assert.equal((await server.counters()).reuse_alarms, undefined);
});

test("P54 the key is made once for all tabs, cannot leave the browser, and outlives a reload", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const tabs = await Promise.all([openPage(browser, server), openPage(browser, server)]);
  const user = newUser();
  for (const { page: tab } of tabs) await openSession(tab, server);
  await Promise.all(tabs.map(({ page: tab }) => signIn(tab, { ...newUser(), ...user }, "sign-up").catch(() => {})));
  const [first, second] = tabs;
  assert.ok(first && second);
  await first.page.reload();
  await openSession(first.page, server);

  assert.deepEqual(await refresh(first.page), ["refreshed", "signed_in"]);
  assert.deepEqual(await refresh(second.page), ["refreshed", "signed_in"]);
  const kept = await first.page.evaluate(async (url) => {
    const opening = indexedDB.open("nolapse");
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const all = opening.result.transaction("keys").objectStore("keys").getAll();
    await new Promise((resolve) => {
      all.onsuccess = resolve;
    });
    const dpop = (await window.session.proof({ url })) ?? "";
    const listed = await fetch(url, { headers: { "nolapse-version": "1", dpop } });
    const exported = await crypto.subtle.exportKey("pkcs8", all.result[0][0]).catch(({ name }) => name);
    return [all.result.length, all.result[0][0].extractable, exported, listed.status];
  }, `${server.auth}/auth/sessions`);
  assert.deepEqual(kept, [1, false, "InvalidAccessError", 200]);
});

for (const how of /** @type {const} */ (["clear", "replace"])) {
  test(`P54 a browser whose key is gone (${how}) says so, and the next sign-in is good`, async (t) => {
    const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
    const { page: opened, user } = await openSignedIn(browser, server);
    await spoil(opened, how);

    assert.deepEqual(await refresh(opened), ["key_lost", "signed_out"]);
    await signIn(opened, user);
    assert.deepEqual(await refresh(opened), ["refreshed", "signed_in"]);
  });
}

test("P54 an IndexedDB that fails is no reason to sign out, and a sign-in without it is unbound", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page: opened, user } = await openSignedIn(browser, server);
  await opened.evaluate(() => {
    Object.assign(window, { open: IDBFactory.prototype.open });
    IDBFactory.prototype.open = () => {
      throw new DOMException("blocked", "SecurityError");
    };
  });

  const [outcome, state] = await refresh(opened);
  assert.notEqual(outcome, "refreshed");
  assert.equal(state, "signed_in");
  await signIn(opened, user);
  await opened.evaluate(() => {
    IDBFactory.prototype.open = /** @type {never} */ (Reflect.get(window, "open"));
  });
  // Its key is there again, and the session is not bound to it.
  assert.deepEqual(await refresh(opened), ["refreshed", "signed_in"]);
  await spoil(opened, "clear");
  assert.deepEqual(await refresh(opened), ["refreshed", "signed_in"]);
});

test("P54 where the key cannot be kept, or is not wanted, the session is unbound", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  for (const kind of ["full", "off"]) {
    const { page: opened, network } = await openPage(await browser.createBrowserContext(), server);
    await opened.evaluate((isFull) => {
      if (!isFull) return;
      IDBObjectStore.prototype.put = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
    }, kind === "full");
    await openSession(opened, server, { deviceBinding: kind !== "off" });
    await signIn(opened, newUser(), "sign-up");

    assert.deepEqual(await refresh(opened), ["refreshed", "signed_in"], kind);
    const proofs = network.all().filter(({ body }) => body?.includes("dpop"));
    assert.deepEqual(proofs, [], kind);
  }
});

test("P54 a browser whose clock is wrong by hours is challenged once", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page: opened, network } = await openPage(browser, server);
  await opened.evaluateOnNewDocument(() => {
    const now = Date.now;
    Date.now = () => now() - 5 * 3_600_000;
  });
  await opened.reload();
  await openSession(opened, server);
  await signIn(opened, newUser(), "sign-up");

  assert.deepEqual(await refresh(opened), ["refreshed", "signed_in"]);
  await opened.reload();
  await openSession(opened, server);
  assert.deepEqual(await refresh(opened), ["refreshed", "signed_in"]);
  const refused = network.all().filter(({ status }) => status === 401);
  assert.deepEqual(
    refused.map(({ path }) => path),
    ["/auth/sign-up"],
  );
});

/** Serves blank pages with the package, at an origin of their own. @param {import("node:test").TestContext} t */
async function startPages(t) {
  const site = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const type = path.endsWith(".js") ? "text/javascript" : path.endsWith(".wasm") ? "application/wasm" : "text/html";
    const isFile = path.startsWith("/nolapse/");
    const body = isFile ? await readFile(join(root, "node_modules", path)) : "<!doctype html><title>test</title>";
    response.writeHead(200, { "content-type": type }).end(body);
  });
  return `http://localhost:${new URL(await listen(t, site)).port}`;
}

test("issue14 a cold refresh at another origin is sent without a preflight, with its proof", async (t) => {
  const pages = await startPages(t);
  const [server, browser] = await Promise.all([startServer(t, { ALLOWED_ORIGINS: pages }), launchBrowser(t)]);
  const opened = await browser.newPage();
  /** @type {string[]} */
  const sent = [];
  const devtools = await opened.createCDPSession();
  devtools.on("Network.requestWillBeSent", ({ request: { url, method } }) => {
    if (url.startsWith(server.auth)) sent.push(`${method} ${new URL(url).pathname}`);
  });
  await devtools.send("Network.enable");
  await opened.goto(`${pages}/`);
  await openSession(opened, server);
  await signIn(opened, newUser(), "sign-up");
  await opened.reload();
  await openSession(opened, server);
  await opened.evaluate(() => window.session.getToken());
  await opened.evaluate(() => window.session.signOut());
  await until("the sign-out was sent", () => sent.length > 2);

  assert.deepEqual(sent, ["POST /auth/sign-up", "POST /auth/refresh", "POST /auth/sign-out"]);
});
