import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { listen } from "./harness/listen.mjs";
import { startServer } from "./harness/server.mjs";

/** @typedef {{ method: string, path: string, authorization: string | undefined }} Received */

/**
 * An API that answers by path: `/refused` with 401, `/away` with a redirect to another origin, else with 200.
 *
 * @param {import("node:test").TestContext} test
 * @param {string} [away] where the redirect leads
 */
async function startApi(test, away = "") {
  /** @type {Received[]} */
  const received = [];
  const server = createServer((request, response) => {
    const { method = "", url: path = "" } = request;
    received.push({ method, path, authorization: request.headers.authorization });
    const headers = {
      "access-control-allow-origin": request.headers.origin ?? "*",
      "access-control-allow-headers": "authorization",
      "access-control-expose-headers": "www-authenticate",
    };
    if (path === "/refused" && method === "GET")
      response.writeHead(401, { ...headers, "www-authenticate": 'Bearer error="invalid_token"' });
    else if (path === "/away" && method === "GET") response.writeHead(302, { ...headers, location: away });
    else response.writeHead(200, headers);
    response.end();
  });
  return { origin: await listen(test, server), received };
}

test("the differences from fetch", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);

  /**
   * Opens a page whose session is signed in and refreshes by a function of the page.
   *
   * @param {string} listed
   */
  async function open(listed) {
    const page = await (await browser.createBrowserContext()).newPage();
    // The server's Content-Security-Policy allows calls to the demo's API alone; these tests have APIs of their own.
    await page.setBypassCSP(true);
    await page.goto(`${server.auth}/blank.html`);
    await page.evaluate(async (api) => {
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      let tokens = 0;
      const session = createSession({
        auth: { refresh: async () => ({ access_token: `token.${++tokens}`, expires_in: 60 }) },
        storageKey: "differences",
        allowedOrigins: [api],
      });
      await session.ready;
      await session.refresh();
      window.session = /** @type {typeof window.session} */ (session);
    }, listed);
    return page;
  }

  await t.test("a listed origin is sent an Authorization header", async (t) => {
    const [listed, other] = [await startApi(t), await startApi(t)];
    const page = await open(listed.origin);

    await page.evaluate(
      async (mine, theirs) => {
        await window.session.fetch(mine);
        await window.session.fetch(mine, { headers: { authorization: "Basic b3du" } });
        await window.session.fetch(theirs);
      },
      listed.origin,
      other.origin,
    );

    const sent = listed.received.filter(({ method }) => method === "GET").map(({ authorization }) => authorization);
    assert.deepEqual(sent, ["Bearer token.1", "Basic b3du"]);
    assert.deepEqual(
      other.received.map(({ method, authorization }) => [method, authorization]),
      [["GET", undefined]],
    );
  });

  await t.test("the header makes another origin's call ask for permission first", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    await page.evaluate(async (api) => {
      await fetch(`${api}/native`);
      await window.session.fetch(`${api}/wrapped`);
    }, listed.origin);

    assert.deepEqual(
      listed.received.map(({ method, path }) => `${method} ${path}`),
      ["GET /native", "OPTIONS /wrapped", "GET /wrapped"],
    );
  });

  await t.test("a call waits while there is no token that lives", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const refreshes = await page.evaluate(async (api) => {
      let count = 0;
      window.session.on("refresh", () => count++);
      await window.session.fetch(`${api}/fresh`);
      // A suspension of ten minutes.
      const { now } = Date;
      Date.now = () => now() + 600_000;
      await window.session.fetch(`${api}/old`);
      return count;
    }, listed.origin);

    assert.equal(refreshes, 1);
    const sent = listed.received.filter(({ method }) => method === "GET").map(({ authorization }) => authorization);
    assert.deepEqual(sent, ["Bearer token.1", "Bearer token.2"]);
  });

  await t.test("a call that gets no token rejects with a SessionError", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const error = await page.evaluate(async (api) => {
      await window.session.signOut();
      return window.session.fetch(api).catch(({ name, code, reason }) => ({ name, code, reason }));
    }, listed.origin);

    assert.deepEqual(error, { name: "SessionError", code: "signed_out", reason: "signed_out" });
    assert.deepEqual(listed.received, []);
  });

  await t.test("a call that a listed API refuses with 401 is sent once more", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const status = await page.evaluate(
      async (url) => (await window.session.fetch(url)).status,
      `${listed.origin}/refused`,
    );

    assert.equal(status, 401);
    const sent = listed.received.filter(({ method }) => method === "GET").map(({ authorization }) => authorization);
    assert.deepEqual(sent, ["Bearer token.1", "Bearer token.2"]);
  });

  await t.test("a stream given as the body is sent once, refused or not", async (t) => {
    const page = await open((await startApi(t)).origin);

    const seen = await page.evaluate(async () => {
      // Browsers send streams over HTTP/2 alone, which this server does not support: `fetch` is a stub on the page.
      let sent = 0;
      window.fetch = async () => new Response(null, { status: ++sent ? 401 : 200 });
      /** @type {typeof import("nolapse")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
      const refresh = async () => ({ access_token: "token", expires_in: 60 });
      const session = createSession({ auth: { refresh }, storageKey: "streams" });
      await session.ready;
      await session.refresh();
      const body = new Blob(["text"]).stream();
      const { status } = await session.fetch(
        "/stream",
        /** @type {RequestInit} */ ({ method: "POST", body, duplex: "half" }),
      );
      return { status, sent };
    });

    assert.deepEqual(seen, { status: 401, sent: 1 });
  });

  await t.test("P21 what is given is asked for its values as often as by the platform", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const [native, wrapped] = await page.evaluate(async (api) => {
      /** @param {typeof fetch} call */
      const timesAsked = async (call) => {
        let times = 0;
        const init = {
          method: "POST",
          get body() {
            times++;
            return "text";
          },
        };
        await call(api, init);
        return times;
      };
      return [await timesAsked(fetch), await timesAsked(window.session.fetch)];
    }, listed.origin);

    assert.deepEqual([native, wrapped], [1, 1]);
  });

  await t.test("it is a function of its own", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const seen = await page.evaluate(async (api) => {
      const native = await fetch.call(/** @type {never} */ ({}), api).catch(({ name }) => name);
      const { status } = await window.session.fetch.call({}, api);
      return { isOther: fetch !== window.session.fetch, native, status };
    }, listed.origin);

    assert.deepEqual(seen, { isOther: true, native: "TypeError", status: 200 });
  });

  await t.test("a no-cors call carries no token", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const type = await page.evaluate(
      async (api) => (await window.session.fetch(api, { mode: "no-cors" })).type,
      listed.origin,
    );

    assert.equal(type, "opaque");
    assert.deepEqual(
      listed.received.map(({ method, authorization }) => [method, authorization]),
      [["GET", undefined]],
    );
  });

  await t.test("a later change of the global fetch is not seen", async (t) => {
    const listed = await startApi(t);
    const page = await open(listed.origin);

    const seen = await page.evaluate(async (api) => {
      let calls = 0;
      window.fetch = async () => {
        calls++;
        return new Response("replaced");
      };
      return [await (await window.session.fetch(api)).text(), calls];
    }, listed.origin);

    assert.deepEqual(seen, ["", 0]);
  });

  await t.test("a closed session sends no call", async (t) => {
    const [listed, other] = [await startApi(t), await startApi(t)];
    const page = await open(listed.origin);

    const codes = await page.evaluate(
      async (urls) => {
        window.session.close();
        return Promise.all(urls.map((url) => window.session.fetch(url).catch(({ code }) => code)));
      },
      [listed.origin, other.origin],
    );

    assert.deepEqual(codes, ["closed", "closed"]);
    assert.deepEqual([...listed.received, ...other.received], []);
  });

  await t.test("P22 a redirect to another origin loses the token", async (t) => {
    const other = await startApi(t);
    const listed = await startApi(t, `${other.origin}/here`);
    const page = await open(listed.origin);

    const url = await page.evaluate(async (url) => (await window.session.fetch(url)).url, `${listed.origin}/away`);

    assert.equal(url, `${other.origin}/here`);
    assert.equal(listed.received.at(-1)?.authorization, "Bearer token.1");
    assert.equal(other.received.find(({ method }) => method === "GET")?.authorization, undefined);
  });
});
