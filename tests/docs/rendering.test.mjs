import assert from "node:assert/strict";
import { test } from "node:test";

import { start as startProcess } from "../../pkg-template/tools/process.mjs";
import { newBrowser, PAGE, REFRESH } from "../apis/jar.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { makeApp } from "../packed/app.mjs";
import { buildNext, serveNext } from "../packed/next.mjs";
import { readApp, rendererEnv, SERVER_ENV, seenOn, startOtherSite, visitAndSignUp } from "./rendering.mjs";

const LAYOUT = `
export const metadata = { icons: { icon: "data:," } };
export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}`;

/** How many requests of a page there are at once, and how often. */
const [REQUESTS, ROUNDS] = [20, 20];

/**
 * Starts an auth server, and the document's app for Next.js before it.
 *
 * @param {import("node:test").TestContext} t
 */
async function start(t) {
  const server = await startServer(t, SERVER_ENV);
  const files = { "jsconfig.json": "{}", "app/layout.jsx": LAYOUT, ...(await readApp("Next.js")) };
  const app = await makeApp(t, files, { inside: ".cache/packed" });
  const env = rendererEnv(server);
  await buildNext(app, env);
  const origin = await serveNext(t, app, env);
  await server.restart({ ALLOWED_ORIGINS: `${origin},${server.auth}` });
  return { server, origin };
}

/** @param {import("../apis/jar.mjs").Jar} browser @param {string} origin @param {readonly string[]} [but] */
async function htmlFor(browser, origin, but) {
  const response = await fetch(`${origin}/`, { headers: { cookie: browser.header(but) } });
  return response.text();
}

test("part4 a page of a Node server greets its user, and a visitor", async (t) => {
  const [server, port] = await Promise.all([startServer(t, SERVER_ENV), freePort()]);
  const { "server.mjs": program = "" } = await readApp("The first HTML knows the user");
  const files = { "server.mjs": program.replace("listen(3000)", `listen(${port})`) };
  const app = await makeApp(t, files, { inside: ".cache/packed" });
  const child = startProcess(process.execPath, ["server.mjs"], { cwd: app, env: rendererEnv(server) });
  t.after(() => child.kill("SIGKILL"));
  const browser = await newBrowser(server.auth);
  const greeting = async (/** @type {readonly string[]} */ but) =>
    fetch(`http://localhost:${port}/`, { headers: { cookie: browser.header(but) } }).then(
      (response) => response.text(),
      () => "",
    );

  await until("the server answers", () => greeting([PAGE, REFRESH]));

  assert.equal(await greeting([PAGE, REFRESH]), "Welcome");
  for (const but of [[], [PAGE], [REFRESH]]) assert.equal(await greeting(but), `Welcome, ${browser.email}`);
});

test("part4 a page of Next.js is its user's from the first HTML on", async (t) => {
  const [{ server, origin }, browser] = await Promise.all([start(t), launchBrowser(t)]);
  const page = await browser.newPage();
  const { email, greeting, visit } = await visitAndSignUp(page, origin);

  await t.test("without a flash, without a token in it, and without a look-up", async () => {
    const html = await visit();
    assert.ok(html.includes(greeting), html);
    assert.doesNotMatch(html, /eyJ/);
    assert.deepEqual(await seenOn(page), [email]);
    const counters = await server.counters();
    assert.deepEqual([counters.look_ups_live, counters.refreshes_rotated], [undefined, 1]);
  });

  await t.test("by one look-up without the page cookie, and a reload is no sign-out", async () => {
    await page.deleteCookie({ name: PAGE });
    assert.ok((await visit()).includes(greeting));
    assert.deepEqual(await seenOn(page), [email]);
    assert.equal((await server.counters()).look_ups_live, 1);
  });

  await t.test("when another site's link leads to it", async () => {
    await page.goto(await startOtherSite(t, origin));
    const [response] = await Promise.all([page.waitForNavigation({ waitUntil: "networkidle0" }), page.click("a")]);
    assert.ok((await response?.text())?.includes(greeting));
    assert.deepEqual(await seenOn(page), [email]);
  });

  await t.test("a moment later, when that link leads to it after the page cookie's life", async () => {
    await page.goto(await startOtherSite(t, origin));
    await page.deleteCookie({ name: PAGE, url: origin });
    const [response] = await Promise.all([page.waitForNavigation(), page.click("a")]);
    assert.match((await response?.text()) ?? "", /<h1>Welcome<\/h1>/);
    await until("the page's session knows", async () => (await seenOn(page)).at(-1) === email);
    assert.deepEqual(await seenOn(page), ["unknown", email]);
  });

  await t.test(
    "with JavaScript off, where a form has the user's token, and the cookie opens no route handler",
    async () => {
      await page.setJavaScriptEnabled(false);
      assert.ok((await visit()).includes(greeting));
      await page.type("input[name=text]", "milk");
      await Promise.all([page.waitForNavigation(), page.click("button")]);
      assert.ok((await page.content()).includes(greeting));
      const me = await page.goto(`${origin}/me`);
      assert.equal(me?.status(), 401);
      await page.setJavaScriptEnabled(true);
      assert.ok((await visit()).includes(greeting));
      const notes = await page.evaluate(async (api) => {
        const headers = { "content-type": "application/json", "nolapse-version": "1" };
        const body = JSON.stringify({ reason: "demand", page: "visible" });
        const { access_token } = await (await fetch("/auth/refresh", { method: "POST", headers, body })).json();
        const authorization = { authorization: `Bearer ${access_token}` };
        const me = await (await fetch("/me", { headers: authorization })).json();
        return [typeof me.user, await (await fetch(`${api}/notes`, { headers: authorization })).text()];
      }, server.api);
      assert.equal(notes[0], "string");
      assert.match(notes[1] ?? "", /milk/);
    },
  );

  await t.test(
    "P57 to each of 20 requests at once, at the end of a token, 20 times, and nothing is rotated",
    async () => {
      const before = await server.counters();
      const jars = await Promise.all([newBrowser(server.auth), newBrowser(server.auth)]);
      for (let round = 0; round < ROUNDS; round++) {
        const jar = jars[round % 2];
        assert.ok(jar);
        const rendering = Array.from({ length: REQUESTS }, (_, at) => htmlFor(jar, origin, at % 2 ? [PAGE] : []));
        const refreshed = jar.refresh();
        for (const html of await Promise.all(rendering)) assert.ok(html.includes(`Welcome, ${jar.email}`), `${round}`);
        assert.equal((await refreshed).status, 200);
      }
      const { refreshes_rotated: rotated = 0, reuse_alarms: alarms } = await server.counters();
      assert.equal(rotated - (before.refreshes_rotated ?? 0), ROUNDS);
      assert.equal(alarms, undefined);
    },
  );

  await t.test("to nobody after the sign-out", async () => {
    const signedOut = await page.evaluate(async () => {
      const headers = { "content-type": "application/json", "nolapse-version": "1" };
      return (await fetch("/auth/sign-out", { method: "POST", headers, body: "{}" })).status;
    });
    assert.equal(signedOut, 204);
    assert.match(await visit(), /<h1>Welcome<\/h1>/);
  });
});
