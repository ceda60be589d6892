/** A server of a key set, and a clock that the test moves. */

import { createServer } from "node:http";

import { listen } from "./listen.mjs";

/**
 * Starts a server that counts requests and answers them as it is set, and stops `performance.now()`.
 *
 * @param {import("node:test").TestContext} test
 * @param {string} body the answer at first
 */
export async function startKeyServer(test, body) {
  const told = {
    status: 200,
    body: /** @type {string | Buffer} */ (body),
    headers: /** @type {import("node:http").OutgoingHttpHeaders} */ ({}),
    asked: 0,
  };
  const server = createServer((_, response) => {
    told.asked += 1;
    response.writeHead(told.status, told.headers).end(told.body);
  });
  const url = `${await listen(test, server)}/jwks.json`;
  let now = 1_000_000;
  test.mock.method(performance, "now", () => now);
  /** @param {number} seconds */
  const pass = (seconds) => {
    now += seconds * 1_000;
  };
  return { told, pass, url };
}
