import assert from "node:assert/strict";
import { test } from "node:test";

import { newBrowser, PAGE } from "../apis/jar.mjs";
import { readApp, rendererEnv, SERVER_ENV, seenOn, startOtherSite, visitAndSignUp } from "../docs/rendering.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { build, makeFrameworkApp, whileServed } from "./apps.mjs";

const APP_HTML = `<!doctype html><html lang="en"><head><link rel="icon" href="data:,">%sveltekit.head%</head>
<body><div>%sveltekit.body%</div></body></html>`;

/**
 * How each app of `docs/rendering.md` is built and served.
 *
 * @typedef {{ heading: string, command: string, server: string, parameters: string[], files: Record<string, string>, hasForm: boolean }} Framework
 * @type {readonly Framework[]}
 */
const FRAMEWORKS = [
  {
    heading: "SvelteKit",
    command: "vite/bin/vite.js",
    server: "vite/bin/vite.js",
    parameters: ["preview", "--port", "PORT"],
    files: { "src/app.html": APP_HTML },
    hasForm: true,
  },
  {
    heading: "Nuxt",
    command: "nuxt/bin/nuxt.mjs",
    server: ".output/server/index.mjs",
    parameters: [],
    files: {},
    hasForm: false,
  },
];

for (const { heading, command, server: program, parameters, files, hasForm } of FRAMEWORKS) {
  test(`part4 a page of ${heading} is its user's from the first HTML on`, async (t) => {
    const [server, browser] = await Promise.all([startServer(t, SERVER_ENV), launchBrowser(t)]);
    const app = await makeFrameworkApp(t, { ...files, ...(await readApp(heading)) });
    const env = rendererEnv(server);
    await build(app, command, ["build"], env);

    const use = async (/** @type {string} */ origin) => {
      await server.restart({ ALLOWED_ORIGINS: `${origin},${server.auth}` });
      await visitApp(t, await browser.newPage(), server, origin, hasForm);
    };
    await whileServed(app, program, parameters, use, env);
  });
}

/**
 * @param {import("node:test").TestContext} t
 * @param {import("puppeteer-core").Page} page
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {string} origin
 * @param {boolean} hasForm
 */
async function visitApp(t, page, server, origin, hasForm) {
  const { email, greeting, visit } = await visitAndSignUp(page, origin);

  const html = await visit();
  assert.ok(html.includes(greeting), html);
  assert.doesNotMatch(html, /eyJ/);
  assert.deepEqual(await seenOn(page), [email]);
  await page.deleteCookie({ name: PAGE });
  assert.ok((await visit()).includes(greeting));
  assert.deepEqual(await seenOn(page), [email]);

  await page.goto(await startOtherSite(t, origin));
  const [led] = await Promise.all([page.waitForNavigation({ waitUntil: "networkidle0" }), page.click("a")]);
  assert.ok((await led?.text())?.includes(greeting), "by the link of another site");

  await page.setJavaScriptEnabled(false);
  assert.ok((await visit()).includes(greeting), "without JavaScript");
  if (hasForm) {
    await page.type("input[name=text]", "milk");
    const [answer] = await Promise.all([page.waitForNavigation(), page.click("button")]);
    assert.equal(answer?.status(), 200);
    assert.ok((await page.content()).includes(greeting));
  }
  await page.close();

  const jar = await newBrowser(server.auth);
  const before = await server.counters();
  for (let round = 0; round < 10; round++) {
    const get = async (/** @type {readonly string[]} */ but) =>
      (await fetch(`${origin}/`, { headers: { cookie: jar.header(but) } })).text();
    const rendering = Array.from({ length: 20 }, (_, at) => get(at % 2 ? [PAGE] : []));
    const refreshed = jar.refresh();
    for (const text of await Promise.all(rendering)) assert.ok(text.includes(`Welcome, ${jar.email}`), `${round}`);
    assert.equal((await refreshed).status, 200);
  }
  const after = await server.counters();
  assert.equal((after.refreshes_rotated ?? 0) - (before.refreshes_rotated ?? 0), 10);
  assert.equal(after.reuse_alarms, undefined);
}
