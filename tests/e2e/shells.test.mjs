import assert from "node:assert/strict";
import { test } from "node:test";

import { startEcho } from "./harness/echo.mjs";
import {
  FIREFOX_ORIGIN,
  launchExtension,
  newIdentity,
  openPopup,
  openWorker,
  playInFirefox,
} from "./harness/extension.mjs";
import { newUser, openSignedIn, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** As Chromium without third-party cookies does: it blocks those that are not partitioned. */
const NO_THIRD_PARTY_COOKIES = "--test-third-party-cookie-phaseout";

/**
 * Starts a server that allows its own page and an extension.
 *
 * @param {import("node:test").TestContext} t
 * @param {"strict" | "none"} sameSite
 */
async function startFor(t, sameSite) {
  const identity = newIdentity();
  const server = await startServer(t, { COOKIE_SAME_SITE: sameSite });
  await server.restart({ ALLOWED_ORIGINS: `${identity.origin},${server.auth}` });
  return { identity, server };
}

/**
 * Refreshes and calls an API, where there is a session.
 *
 * @param {string} url
 */
async function refreshAndCall(url) {
  const { session } = self;
  try {
    await session.refresh({ force: true });
    return [session.status.state, (await session.fetch(url)).status];
  } catch (error) {
    const { code, reason } = /** @type {import("nolapse").SessionError} */ (error);
    return [code, reason];
  }
}

/**
 * Does so in a page or a worker.
 *
 * @param {import("./harness/page.mjs").Evaluates} where
 * @param {import("./harness/server.mjs").Server} server
 */
function goOn(where, server) {
  return where.evaluate(refreshAndCall, `${server.api}/notes`);
}

test("line14 an extension signs in, refreshes and calls an API, in its page and in its service worker", async (t) => {
  const { identity, server } = await startFor(t, "strict");
  const browser = await launchExtension(t, identity, server);
  const page = await openPopup(browser, identity);
  const worker = await openWorker(browser, identity);

  await signIn(page, newUser(), "sign-up");
  const inPage = await goOn(page, server);
  const inWorker = await goOn(worker, server);
  await page.evaluate(() => window.session.signOut());

  assert.deepEqual(inPage, ["signed_in", 200]);
  assert.deepEqual(inWorker, ["signed_in", 200]);
  const left = () => worker.evaluate(() => self.session.status.state === "signed_out");
  await until("the worker has heard of the sign-out", left);
});

test("line14 an extension with permission for the auth server shares the website's session", async (t) => {
  const { identity, server } = await startFor(t, "strict");
  // Its IndexedDB is another one than the website's.
  await server.restart({ DEVICE_BINDING: "0" });
  const browser = await launchExtension(t, identity, server);
  const website = await openSignedIn(browser, server);
  const page = await openPopup(browser, identity);

  const before = await page.evaluate(() => window.session.ready.then(() => window.session.status.state));

  assert.equal(before, "signed_out");
  assert.deepEqual(await goOn(page, server), ["signed_in", 200]);
  await website.page.evaluate(() => window.session.signOut());
  assert.deepEqual(await goOn(page, server), ["signed_out", "no_cookie"]);
});

for (const [sameSite, args, expected] of /** @type {const} */ ([
  ["none", [], ["signed_in", 200]],
  ["none", [NO_THIRD_PARTY_COOKIES], ["signed_in", 200]],
  ["strict", [], ["signed_out", "no_cookie"]],
])) {
  test(`line14 an extension without permissions, and COOKIE_SAME_SITE=${sameSite}, is ${expected[0]}: ${args[0] ?? "default"}`, async (t) => {
    const { identity, server } = await startFor(t, sameSite);
    const browser = await launchExtension(t, identity, server, { changes: { host_permissions: undefined }, args });
    const page = await openPopup(browser, identity);

    await signIn(page, newUser(), "sign-up");

    assert.deepEqual(await goOn(page, server), expected);
  });
}

test("line14 an extension that its auth server does not list gets no session", async (t) => {
  const identity = newIdentity();
  const server = await startServer(t);
  const browser = await launchExtension(t, identity, server);
  const page = await openPopup(browser, identity);

  const error = await page.evaluate(
    (user) => window.session.signUp(user).catch(({ code, problem }) => [code, problem]),
    newUser(),
  );

  assert.deepEqual(error, ["sign_in_refused", "forbidden_origin"]);
});

test("line14 an extension whose policy forbids WebAssembly is told so", async (t) => {
  const { identity, server } = await startFor(t, "strict");
  const browser = await launchExtension(t, identity, server, { changes: { content_security_policy: undefined } });
  const page = await openPopup(browser, identity);

  const code = await page.evaluate(() => window.session.ready.catch((error) => error.code));

  assert.equal(code, "unsupported");
});

test("line14 an extension's token goes to the listed origin alone, redirects and its own files among them", async (t) => {
  const { identity, server } = await startFor(t, "strict");
  const other = await startEcho(t);
  const api = await startEcho(t, ({ path }) =>
    path === "/moved" ? { status: 307, location: `${other.origin}/` } : { status: 200 },
  );
  const hosts = { host_permissions: ["http://localhost/*", "http://127.0.0.1/*"] };
  const browser = await launchExtension(t, identity, { ...server, api: api.origin }, { changes: hosts });
  const page = await openPopup(browser, identity);
  await signIn(page, newUser(), "sign-up");

  const statuses = await page.evaluate(
    async (...urls) => {
      const answers = await Promise.all(urls.map((url) => window.session.fetch(url)));
      return answers.map(({ status }) => status);
    },
    ...[
      `${api.origin}/here`,
      `${api.origin}/moved`,
      `${other.origin}/direct`,
      `${identity.origin}/popup.js`,
      "/popup.js",
    ],
  );

  assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
  assert.ok(api.received.every(({ authorization }) => authorization?.startsWith("Bearer ")));
  assert.deepEqual(
    other.received.map(({ authorization }) => authorization),
    [undefined, undefined],
  );
});

for (const [sameSite, permissions, expected] of /** @type {const} */ ([
  ["strict", {}, ["signed_in", 200]],
  ["none", { host_permissions: undefined }, ["signed_in", 200]],
  ["strict", { host_permissions: undefined }, ["signed_out", "no_cookie"]],
])) {
  const which = "host_permissions" in permissions ? "without permissions" : "with permissions";
  test(`line14 an extension of Firefox ${which}, and COOKIE_SAME_SITE=${sameSite}, is ${expected[0]}`, async (t) => {
    const [server, told] = await Promise.all([
      startServer(t, { ALLOWED_ORIGINS: FIREFOX_ORIGIN, COOKIE_SAME_SITE: sameSite }),
      startEcho(t),
    ]);
    const steps = `
      self.session = session;
      const signedUp = session.signUp(${JSON.stringify(newUser())});
      signedUp.then(() => (${refreshAndCall})("${server.api}/notes"), ({ code }) => [code])
        .then((outcome) => fetch("${told.origin}", { method: "POST", body: JSON.stringify(outcome) }));
    `;

    await playInFirefox(t, server, permissions, steps);

    await until("the extension has told", () => told.received.length > 0, { within: 30_000 });
    assert.deepEqual(JSON.parse(String(told.received[0]?.body)), expected);
  });
}
