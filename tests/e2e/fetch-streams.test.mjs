import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { makeIdentity } from "./harness/front.mjs";
import { portOf } from "./harness/ports.mjs";
import { startServer } from "./harness/server.mjs";

/** How the API answers, by path. @type {Record<string, number>} */
const STATUS = { "/refused": 401, "/fine": 200 };

/**
 * An API over HTTP/2, without which browsers send no streams: `/refused` responds with 401, `/open` never.
 *
 * @param {import("node:test").TestContext} test
 */
async function startApi(test) {
  /** @type {{ path: string, method: string, type: string | undefined, body: Buffer }[]} */
  const received = [];
  const server = createSecureServer({ ...(await makeIdentity()), allowHTTP1: true }, async (request, response) => {
    response.setHeader("access-control-allow-origin", request.headers.origin ?? "*");
    response.setHeader("access-control-allow-headers", "authorization, content-type");
    response.setHeader("access-control-allow-methods", "POST, PUT");
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      // Aborted by the page.
    }
    const { url: path = "", method = "", headers } = request;
    received.push({ path, method, type: headers["content-type"], body: Buffer.concat(chunks) });
    return response.writeHead(STATUS[path] ?? (received.length % 2 ? 401 : 200)).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => server.close());
  return { origin: `https://localhost:${portOf(server)}`, received };
}

test("bodies that are streams, and bodies that are not", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const api = await startApi(t);

  /** @param {boolean} isSignedIn */
  async function open(isSignedIn = true) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setBypassCSP(true);
    await page.goto(`${server.auth}/blank.html`);
    await page.evaluate(openWithStreams, api.origin, isSignedIn);
    api.received.length = 0;
    return page;
  }

  for (const how of /** @type {const} */ (["request", "init"])) {
    await t.test(`P24 a stream given as ${how} is sent once, refused or not, and never copied`, async () => {
      const page = await open();

      const seen = await page.evaluate(
        async (url, how) => {
          const source = window.camera();
          const answer = await window.session.fetch(...window.withStream(how, url, source));
          return { status: answer.status, copies: window.copies };
        },
        `${api.origin}/refused`,
        how,
      );

      assert.deepEqual(seen, { status: 401, copies: 0 });
      assert.deepEqual(
        api.received.map(({ path, body }) => [path, body.toString()]),
        [["/refused", "frame".repeat(3)]],
      );
    });

    await t.test(`P25 an abort in flight ends the stream given as ${how} with its reason`, async () => {
      const page = await open();

      const seen = await page.evaluate(
        async (url, how) => {
          const source = window.camera(Number.POSITIVE_INFINITY);
          const controller = new AbortController();
          const call = window.session.fetch(...window.withStream(how, url, source, controller.signal));
          await source.started;
          controller.abort("enough");
          return { rejected: await call.catch((reason) => reason), ended: await source.ended };
        },
        `${api.origin}/open`,
        how,
      );

      assert.deepEqual(seen, { rejected: "enough", ended: "enough" });
    });

    await t.test(`P25 an abort while the call waits for a token ends the stream given as ${how}`, async () => {
      const page = await open();

      const seen = await page.evaluate(
        async (url, how) => {
          const source = window.camera(Number.POSITIVE_INFINITY);
          const controller = new AbortController();
          const { now } = Date;
          Date.now = () => now() + 600_000;
          window.hold = true;
          const call = window.session.fetch(...window.withStream(how, url, source, controller.signal));
          controller.abort("enough");
          return { rejected: await call.catch((reason) => reason), ended: await source.ended };
        },
        `${api.origin}/open`,
        how,
      );

      assert.deepEqual(seen, { rejected: "enough", ended: "enough" });
      assert.deepEqual(api.received, []);
    });

    await t.test(`P25 an aborted signal ends the stream given as ${how} at once`, async () => {
      const page = await open();

      const seen = await page.evaluate(
        async (url, how) => {
          const source = window.camera(Number.POSITIVE_INFINITY);
          const call = window.session.fetch(...window.withStream(how, url, source, AbortSignal.abort("before")));
          return { rejected: await call.catch((reason) => reason), ended: await source.ended };
        },
        `${api.origin}/open`,
        how,
      );

      assert.deepEqual(seen, { rejected: "before", ended: "before" });
      assert.deepEqual(api.received, []);
    });

    await t.test(`P24 a call that gets no token ends the stream given as ${how} with the error`, async () => {
      const page = await open(false);

      const seen = await page.evaluate(
        async (url, how) => {
          const source = window.camera(Number.POSITIVE_INFINITY);
          const error = await window.session.fetch(...window.withStream(how, url, source)).catch((error) => error);
          return { code: error.code, same: (await source.ended) === error };
        },
        `${api.origin}/open`,
        how,
      );

      assert.deepEqual(seen, { code: "signed_out", same: true });
      assert.deepEqual(api.received, []);
    });
  }

  await t.test("P24 a Request whose body lies in memory is sent again as it was, whatever the body is", async () => {
    const page = await open();

    const statuses = await page.evaluate(async (origin) => {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const form = new FormData();
      form.append("file", new Blob([bytes]), "bytes.bin");
      /** @type {BodyInit[]} */
      const bodies = [
        "text ü",
        form,
        new Blob([bytes], { type: "a/b" }),
        bytes.buffer,
        new URLSearchParams({ a: "ü" }),
      ];
      const statuses = [];
      for (const [i, body] of bodies.entries()) {
        const headers = { "content-type": "own/type" };
        const own = new Request(`${origin}/own${i}`, {
          method: "PUT",
          body,
          headers,
          integrity: "",
          cache: "no-store",
        });
        const plain = new Request(`${origin}/plain${i}`, { method: "POST", body });
        // After five 401s to new tokens in a row, a session no longer refreshes for an API.
        await window.session.setTokens({ access_token: `adopted.${i}`, expires_in: 60 });
        for (const request of [own, plain]) statuses.push((await window.session.fetch(request)).status);
      }
      return statuses;
    }, api.origin);

    assert.deepEqual(statuses, Array(10).fill(200));
    assert.equal(api.received.length, 20);
    for (let i = 0; i < 20; i += 2) {
      assert.ok(api.received[i]?.body.length);
      assert.deepEqual(api.received[i + 1], api.received[i]);
    }
    assert.deepEqual(api.received.map(({ type }) => type === "own/type").slice(0, 4), [true, true, false, false]);
  });
});

/**
 * Runs on the page: opens a session and defines a source of streams.
 *
 * @param {string} api
 * @param {boolean} isSignedIn
 */
async function openWithStreams(api, isSignedIn) {
  /** @type {typeof import("nolapse")} */
  const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
  let tokens = 0;
  window.hold = false;
  const session = createSession({
    auth: {
      refresh: async () =>
        window.hold ? new Promise(() => {}) : { access_token: `token.${++tokens}`, expires_in: 60 },
    },
    storageKey: "streams",
    allowedOrigins: [api],
  });
  await session.ready;
  if (isSignedIn) await session.refresh();
  window.session = /** @type {typeof window.session} */ (session);
  window.copies = 0;
  const { clone } = Request.prototype;
  Request.prototype.clone = function () {
    window.copies++;
    return clone.call(this);
  };
  // A source that records its pulls, and the reason of its cancellation.
  window.camera = (frames = 3) => {
    /** @type {(nothing: void) => void} */
    let start = () => {};
    const started = new Promise((/** @type {typeof start} */ resolve) => (start = resolve));
    /** @type {(reason: unknown) => void} */
    let end = () => {};
    const ended = new Promise((resolve) => {
      end = resolve;
      setTimeout(resolve, 3_000, "still open after three seconds");
    });
    let left = frames;
    const stream = new ReadableStream({
      async pull(controller) {
        start();
        if (left-- > 0) controller.enqueue(new TextEncoder().encode("frame"));
        else controller.close();
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
      cancel: end,
    });
    return { stream, started, ended };
  };
  window.withStream = (how, url, { stream }, signal) => {
    const init = /** @type {RequestInit} */ ({
      method: "POST",
      body: stream,
      duplex: "half",
      ...(signal && { signal }),
    });
    return how === "request" ? [new Request(url, init)] : [url, init];
  };
}
