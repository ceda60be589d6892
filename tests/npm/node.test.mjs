import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { run } from "../../pkg-template/tools/process.mjs";
import { INSTALLED } from "./package.mjs";

const INLINE = pathToFileURL(`${INSTALLED}/inline.js`).href;

/** Globals that a session requires. */
const NEEDED = [
  ...["fetch", "Request", "Response", "URL", "Blob", "AbortController", "EventTarget", "TextEncoder", "TextDecoder"],
  ...["crypto", "performance", "setTimeout", "atob"],
];

/** Globals that a session uses if they exist. */
const OPTIONAL = [
  "navigator",
  "localStorage",
  "BroadcastChannel",
  "document",
  "location",
  "reportError",
  "addEventListener",
];

/**
 * An auth server and an API in one: it grants every refresh, rejects the token `first`, and records its requests.
 *
 * @param {import("node:test").TestContext} test
 */
async function startServer(test) {
  /** @type {string[]} */
  const received = [];
  let tokens = 0;
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    received.push(`${method} ${url} ${headers.authorization ?? "-"} ${Buffer.concat(chunks).length}`);
    response.setHeader("content-type", "application/json");
    if (url === "/auth/refresh") {
      const session = { id: "s", user: { id: "u" } };
      return response.end(
        JSON.stringify({ access_token: `token.${++tokens}`, token_type: "Bearer", expires_in: 60, session }),
      );
    }
    if (url === "/auth/sign-out") return response.writeHead(204).end();
    return response.writeHead(headers.authorization === "Bearer first" ? 401 : 200).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => server.close());
  const address = server.address();
  return { origin: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, received };
}

/**
 * Runs a script in a process of its own, which must end by itself: no timer or socket keeps it alive.
 *
 * @param {string} body may use `createSession`, `SessionEnded` and `tell`, which prints the results for the test
 * @param {string} [before] runs before the package is imported
 */
async function play(body, before = "") {
  const code = `
    const tell = (what) => process.stdout.write(JSON.stringify(what) + "\\n");
    const define = (name, descriptor) => Object.defineProperty(globalThis, name, { ...descriptor, configurable: true });
    ${before}
    const { createSession, isSessionError, SessionError } = await import(${JSON.stringify(INLINE)});
    ${body}
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** @param {string} origin */
function life(origin) {
  return `
    const session = createSession({ auth: "${origin}", allowedOrigins: ["${origin}"] });
    await session.setTokens({ access_token: "first", expires_in: 60, session: { id: "s", user: { id: "u" } } });
    const post = await session.fetch("${origin}/api", { method: "POST", body: "text" });
    const request = await session.fetch(new Request("${origin}/api", { method: "PUT", body: new Uint8Array(3) }));
    const relative = await session.fetch("/relative").catch(({ name }) => name);
    const { serverNotified } = await session.signOut();
    const after = await session.fetch("${origin}/api").catch(({ code }) => code);
    session.close();
    tell([post.status, request.status, relative, serverNotified, after, session.status.state]);
  `;
}

/** The outcome of a session, and the requests that the server received. */
const LIVED = [200, 200, "TypeError", true, "signed_out", "signed_out"];
const SEEN = [
  "POST /api Bearer first 4",
  "POST /auth/refresh - 51",
  "POST /api Bearer token.1 4",
  "PUT /api Bearer token.1 3",
  "POST /auth/sign-out - 15",
];

/** @param {readonly string[]} received a body's length is the reason's, too */
function shape(received) {
  return received.map((line) => line.replace(/(refresh - )\d+/, "$151"));
}

test("P35 a session of nolapse/inline lives in Node: calls, a retry, a sign-out, and nothing is left behind", async (t) => {
  const { origin, received } = await startServer(t);

  assert.deepEqual(await play(life(origin)), [LIVED]);
  assert.deepEqual(shape(received), SEEN);
});

test("P35 a session lives in a worker of Node", async (t) => {
  const { origin, received } = await startServer(t);
  const inner = `import(${JSON.stringify(INLINE)}).then(async ({ createSession }) => {
    const { parentPort } = await import("node:worker_threads");
    const tell = (what) => parentPort.postMessage(what);
    ${life(origin)}
  })`;

  const [lived] = await play(`
    const { Worker } = await import("node:worker_threads");
    const worker = new Worker(${JSON.stringify(inner)}, { eval: true });
    worker.on("message", tell);
  `);

  assert.deepEqual(lived, LIVED);
  assert.deepEqual(shape(received), SEEN);
});

test("P35 a session lives where the global scope is an EventTarget with a location and a storage that throws", async (t) => {
  const { origin, received } = await startServer(t);
  const scope = `
    const target = new EventTarget();
    for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) define(name, { value: target[name].bind(target) });
    define("location", { get: () => undefined });
    define("localStorage", { get() { throw new DOMException("no storage here", "NotSupportedError") } });
    define("navigator", { value: { userAgent: "Deno/2", language: "en" } });
  `;

  assert.deepEqual(await play(life(origin), scope), [LIVED]);
  assert.deepEqual(shape(received), SEEN);
});

test("P35 a session lives without WebAssembly, by the module's translation", async (t) => {
  const { origin, received } = await startServer(t);

  // Node's own fetch compiles a module when it is first used.
  const before = `await fetch("${origin}/before").then((answer) => answer.text()); delete globalThis.WebAssembly;`;

  assert.deepEqual(await play(life(origin), before), [LIVED]);
  assert.deepEqual(shape(received), ["GET /before - 0", ...SEEN]);
});

for (const name of OPTIONAL) {
  test(`P35 a session does without ${name}`, async (t) => {
    const { origin } = await startServer(t);

    assert.deepEqual(await play(life(origin), `delete globalThis.${name}; define("${name}", { value: undefined });`), [
      LIVED,
    ]);
  });
}

test("P33 where the platform lacks what is needed, createSession says unsupported, whatever it is", async (t) => {
  const { origin } = await startServer(t);
  // DOM clobbering: an element's id can define a missing global, which is then an element.
  const stands = NEEDED.flatMap((name) => [
    [name, "gone"],
    [name, "undefined"],
    [name, "{}"],
  ]);
  const script = `
    const missing = process.argv.at(-1);
    const seen = [];
    for (const [name, how] of ${JSON.stringify(stands)}) {
      const kept = Object.getOwnPropertyDescriptor(globalThis, name);
      delete globalThis[name];
      if (how !== "gone") define(name, { value: how === "{}" ? {} : undefined });
      const error = await (async () => createSession({ auth: "${origin}", storageKey: name + how }).close())().catch((error) => error);
      Object.defineProperty(globalThis, name, kept);
      seen.push([name, how, isSessionError(error, "unsupported") && error instanceof SessionError, error?.cause instanceof Error]);
    }
    const after = createSession({ auth: "${origin}" });
    after.close();
    tell(seen);
  `;

  const [seen] = await play(script);

  assert.deepEqual(
    seen,
    stands.map(([name, how]) => [name, how, true, true]),
  );
});

test("P35 importing throws nowhere, on a platform that lacks everything", async () => {
  const seen = await play(
    `tell(await (async () => createSession({ auth: "http://localhost" }))().then(() => "created", ({ code }) => code));`,
    `for (const name of ${JSON.stringify(NEEDED)}) delete globalThis[name];`,
  );

  assert.deepEqual(seen, ["unsupported"]);
});

test("a path as an endpoint is misconfigured where there is no page to be relative to", async () => {
  const [error] = await play(`
    const error = await (async () => createSession({ auth: { refresh: "/auth/refresh" } }))().catch((error) => error);
    tell([error.name, error.code, error.option]);
  `);

  assert.deepEqual(error, ["SessionError", "misconfigured", "auth.refresh"]);
});
