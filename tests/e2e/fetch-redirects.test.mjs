import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { startEcho } from "./harness/echo.mjs";
import { startServer } from "./harness/server.mjs";

const INVALID = 'Bearer error="invalid_token"';

/** @typedef {import("./harness/echo.mjs").Received} Received */

/** What an origin was asked, in order, and whether with a token. @param {readonly Received[]} received */
function told(received) {
  return received.map(({ method, path, authorization }) => `${method} ${path}${authorization ? " with a token" : ""}`);
}

test("redirected calls that are refused", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);

  /**
   * Opens a page, signed in, that makes one call and counts refreshes.
   *
   * @param {readonly string[]} allowedOrigins
   * @param {string} url
   * @param {RequestInit} init
   */
  async function call(allowedOrigins, url, init) {
    const page = await (await browser.createBrowserContext()).newPage();
    // The server's Content-Security-Policy allows calls to the demo's API alone; these tests have APIs of their own.
    await page.setBypassCSP(true);
    await page.goto(`${server.auth}/blank.html`);
    const seen = await page.evaluate(
      async (allowedOrigins, url, init) => {
        /** @type {typeof import("nolapse")} */
        const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
        let tokens = 0;
        const refresh = async () => ({ access_token: `token.${++tokens}`, expires_in: 60 });
        const session = createSession({ auth: { refresh }, storageKey: "redirects", allowedOrigins });
        await session.ready;
        await session.refresh();
        const { status, type } = await session.fetch(url, init);
        session.close();
        return { status, type, refreshes: tokens - 1 };
      },
      allowedOrigins,
      url,
      init,
    );
    await page.browserContext().close();
    return seen;
  }

  for (const [method, redirect, arrives] of /** @type {const} */ ([
    ["POST", 303, "GET"],
    ["POST", 302, "GET"],
    ["POST", 307, "POST"],
    ["PUT", 308, "PUT"],
    ["DELETE", 307, "DELETE"],
    ["GET", 302, "GET"],
  ])) {
    await t.test(
      `P23 ${method} that ${redirect} sends to an unlisted origin which says 401 is made once`,
      async (t) => {
        const away = await startEcho(t, () => ({ status: 401, challenge: INVALID }));
        const api = await startEcho(t, () => ({ status: redirect, location: `${away.origin}/away` }));
        const body = method === "GET" || method === "DELETE" ? {} : { body: "an order" };

        const seen = await call([api.origin], `${api.origin}/do`, { method, ...body });

        assert.deepEqual(seen, { status: 401, type: "cors", refreshes: 0 });
        assert.deepEqual(told(api.received), [`${method} /do with a token`]);
        assert.deepEqual(told(away.received), [`${arrives} /away`]);
      },
    );
  }

  await t.test(
    "P23 a listed origin that a redirect leads to was not sent the token, and causes no retry",
    async (t) => {
      const other = await startEcho(t, () => ({ status: 401, challenge: INVALID }));
      const api = await startEcho(t, () => ({ status: 302, location: `${other.origin}/other` }));

      const seen = await call([api.origin, other.origin], `${api.origin}/do`, {});

      assert.deepEqual(seen, { status: 401, type: "cors", refreshes: 0 });
      assert.deepEqual(told(api.received), ["GET /do with a token"]);
      assert.deepEqual(told(other.received), ["GET /other"]);
    },
  );

  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    await t.test(
      `P24 ${method} that was redirected within its origin may have had its effect, and is made once`,
      async (t) => {
        const api = await startEcho(t, ({ path }) =>
          path === "/do" ? { status: 307, location: "/done" } : { status: 401, challenge: INVALID },
        );

        const seen = await call([api.origin], `${api.origin}/do`, { method });

        assert.deepEqual([seen.status, seen.refreshes], [401, 0]);
        assert.deepEqual(told(api.received), [`${method} /do with a token`, `${method} /done with a token`]);
      },
    );
  }

  for (const method of ["GET", "HEAD"]) {
    await t.test(
      `P23 ${method} that was redirected within its origin is made once more, with another token`,
      async (t) => {
        const api = await startEcho(t, ({ path }, earlier) => {
          if (path === "/short") return { status: 301, location: "/long" };
          return earlier.length === 0 ? { status: 401, challenge: INVALID } : { status: 200 };
        });

        const seen = await call([api.origin], `${api.origin}/short`, { method, cache: "no-store" });

        assert.deepEqual([seen.status, seen.refreshes], [200, 1]);
        const tokens = api.received.filter(({ path }) => path === "/long").map(({ authorization }) => authorization);
        assert.deepEqual(tokens, ["Bearer token.1", "Bearer token.2"]);
      },
    );
  }

  await t.test("P21 a redirect that the caller wants to see is handed on, once", async (t) => {
    const api = await startEcho(t, () => ({ status: 302, location: "/never" }));

    const seen = await call([api.origin], `${api.origin}/do`, { method: "POST", redirect: "manual" });

    assert.deepEqual(seen, { status: 0, type: "opaqueredirect", refreshes: 0 });
    assert.deepEqual(told(api.received), ["POST /do with a token"]);
  });

  await t.test("P23 an opaque response reveals no status, and causes no retry", async (t) => {
    const api = await startEcho(t, () => ({ status: 401, challenge: INVALID }));

    const seen = await call([api.origin], `${api.origin}/do`, { method: "POST", mode: "no-cors", body: "an order" });

    assert.deepEqual(seen, { status: 0, type: "opaque", refreshes: 0 });
    assert.deepEqual(told(api.received), ["POST /do"]);
  });
});
