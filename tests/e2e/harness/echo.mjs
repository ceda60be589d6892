/** An API on an origin of its own: it records its requests, and its responses are the test's. */

import { createServer } from "node:http";

import { listen } from "./listen.mjs";

/**
 * One received request.
 *
 * @typedef {{ method: string, path: string, authorization: string | undefined, type: string | undefined, body: Buffer }} Received
 */

/**
 * Starts an API that ends with the test.
 *
 * @param {import("node:test").TestContext} test
 * @param {(request: Received, earlier: readonly Received[]) => { status: number, challenge?: string, location?: string }} [answer]
 *   given the requests of the same path so far, this one left out; without it, every answer is 200
 */
export async function startEcho(test, answer = () => ({ status: 200 })) {
  /** @type {Received[]} */
  const received = [];
  const server = createServer(async (request, response) => {
    response.setHeader("access-control-allow-origin", request.headers.origin ?? "*");
    response.setHeader("access-control-allow-headers", "authorization, content-type, x-own");
    response.setHeader("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE");
    response.setHeader("access-control-expose-headers", "www-authenticate");
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      // The client has aborted it.
      return response.destroy();
    }
    const one = {
      method: request.method ?? "",
      path: request.url ?? "",
      authorization: request.headers.authorization,
      type: request.headers["content-type"],
      body: Buffer.concat(chunks),
    };
    const { status, challenge, location } = answer(
      one,
      received.filter(({ path }) => path === one.path),
    );
    received.push(one);
    if (location !== undefined) response.setHeader("location", location);
    if (challenge !== undefined) response.setHeader("www-authenticate", challenge);
    return response.writeHead(status, { "content-type": "text/plain" }).end(`answer ${status} to ${one.path}`);
  });
  return { origin: await listen(test, server), received };
}
