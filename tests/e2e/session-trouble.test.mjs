import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { beginOutage, endOutage } from "./harness/outage.mjs";
import { openPage, openSession, openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

/** Responses that do not end a session, and the failure in its status. @type {[string, Record<string, unknown>, RegExp][]} */
const TROUBLES = [
  ["503", { kind: "503", retry_after: "0" }, /^server_error$/],
  ["500", { kind: "500" }, /^server_error$/],
  ["429", { kind: "429", retry_after: "0" }, /^rate_limited$/],
  ["a captive portal's page", { kind: "html" }, /^unexpected_answer$/],
  ["a broken connection", { kind: "reset" }, /^network$/],
  ["JSON that was cut off", raw('{"access_token":"a.b'), /^unexpected_answer$/],
  ["no token", raw('{"expires_in":60}'), /^unexpected_answer$/],
  ["a life of 0", raw('{"access_token":"a.b.c","expires_in":0}'), /^unexpected_answer$/],
  ["a life of ten years", raw('{"access_token":"a.b.c","expires_in":315360000}'), /^unexpected_answer$/],
  ["more than 64 kB", { ...raw(" "), repeat: 70_000 }, /^unexpected_answer$/],
  ["a 401 that says nothing of an ending", raw('{"error":"invalid_token"}', 401), /^misconfigured$/],
  ["a redirect", { ...raw("", 302) }, /^(network|unexpected_answer)$/],
];

/**
 * @param {string} body
 * @param {number} [status]
 */
function raw(body, status = 200) {
  return { kind: "raw", status, content_type: "application/json", body };
}

test("P08 whatever the endpoint answers, except an end of the session, the session stays, with a failure in its status", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  for (const [name, order, cause] of TROUBLES) {
    await t.test(name, async () => {
      await endOutage(server);
      const { page } = await openSignedIn(await browser.createBrowserContext(), server);
      await beginOutage(server, order);

      const failed = await page.evaluate(() =>
        window.session.refresh().then(
          () => null,
          (error) => ({ code: error.code, failure: error.failure, status: window.session.status }),
        ),
      );

      assert.ok(failed);
      assert.match(failed.code, /^(unreachable|timeout|misconfigured)$/);
      assert.match(failed.failure, cause);
      assert.equal(failed.status.state, "signed_in");
      assert.match(String(failed.status.failure), cause);
      await endOutage(server);
      await until("the session has recovered", () =>
        page.evaluate(() =>
          window.session.refresh().then(
            () => window.session.status.failure === null,
            () => false,
          ),
        ),
      );
      await page.close();
    });
  }
});

test("P09 while the token is valid, a failing refresh blocks nobody", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openSignedIn(browser, server);
  await beginOutage(server, { kind: "500" });

  const waited = await page.evaluate(async (url) => {
    await window.session.refresh().catch(() => undefined);
    /** @type {number[]} */
    const waited = [];
    await new Promise((resolve) => {
      window.session.on("call", (call) => {
        if (call.httpStatus === 200) waited.push(call.waitedMs);
        if (waited.length === 3) resolve(undefined);
      });
      for (let call = 0; call < 3; call++) void window.session.fetch(url);
    });
    return waited;
  }, `${server.api}/notes`);

  assert.equal(waited.length, 3);
  for (const one of waited) assert.ok(one < 50, `${one} ms`);
  assert.equal(await page.evaluate(() => window.session.status.failure), "server_error");
});

test("P11 an endpoint that never answers rejects every waiting call by its deadline", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  await first.page.close();
  await beginOutage(server, { kind: "stall" });
  const { page } = await openPage(browser, server);
  await openSession(page, server, { timeoutMs: 1_000 });

  const seen = await page.evaluate(async (url) => {
    const begun = performance.now();
    const codes = await Promise.all(
      Array.from({ length: 10 }, () =>
        window.session.fetch(url).then(
          () => "answered",
          (error) => error.code,
        ),
      ),
    );
    return { codes, took: performance.now() - begun, status: window.session.status };
  }, `${server.api}/notes`);

  for (const code of seen.codes) assert.match(code, /^(timeout|unreachable)$/);
  // Two timeouts and the wait for the lock.
  assert.ok(seen.took < 7_500, `${seen.took} ms`);
  const { state, failure } = seen.status;
  assert.deepEqual([state, failure], ["unknown", "timeout"]);
});

test("P25 aborting some of the waiting calls rejects exactly those, with their reason", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  await first.page.close();
  await beginOutage(server, { kind: "stall", times: 1 });
  const { page, network } = await openPage(browser, server);
  await openSession(page, server, { timeoutMs: 1_000 });

  const outcomes = await page.evaluate(async (url) => {
    const controllers = Array.from({ length: 10 }, () => new AbortController());
    const calls = controllers.map(({ signal }) => window.session.fetch(url, { signal }));
    const token = new AbortController();
    const asked = window.session.getToken({ signal: token.signal });
    for (const index of [1, 4, 7]) controllers[index]?.abort(`reason ${index}`);
    token.abort("no token wanted");
    const settled = await Promise.allSettled([...calls, asked]);
    return settled.map((one) =>
      one.status === "fulfilled" && one.value instanceof Response
        ? one.value.status
        : String(Reflect.get(one, "reason")),
    );
  }, `${server.api}/notes`);

  const expected = Array.from({ length: 10 }, (_, i) => ([1, 4, 7].includes(i) ? `reason ${i}` : 200));
  assert.deepEqual(outcomes, [...expected, "no token wanted"]);
  assert.equal(network.refreshes().length, 2);
});

test("P20 a page that is killed in the middle of a refresh is signed in when it comes back", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const first = await openSignedIn(browser, server);
  // The server rotates the cookie, and the response with the new one is lost.
  await beginOutage(server, { kind: "stall", after_rotation: true, times: 1 });
  await first.page.evaluate(() => {
    window.session.refresh({ force: true }).catch(() => undefined);
  });
  await until("the refresh is on its way", () => first.network.refreshes().length === 1);

  await first.page.close();
  await endOutage(server);
  const { page } = await openPage(browser, server);
  await openSession(page, server);

  assert.equal(
    await page.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`),
    200,
  );
  assert.equal(await page.evaluate(() => window.session.status.state), "signed_in");
});
