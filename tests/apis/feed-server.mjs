/** A feed of revocations that says what a test wants, true or not. */

import { createServer } from "node:http";

import { listen } from "../e2e/harness/listen.mjs";

/** A secret as `SERVER_SECRETS` has them. */
export const SECRET = "0123456789abcdef0123456789abcdef";

/** @typedef {(response: import("node:http").ServerResponse, request: import("node:http").IncomingMessage) => void} Answer */

/**
 * Starts a server that answers as it is set.
 *
 * @param {import("node:test").TestContext} t
 * @param {Answer} answer
 */
export async function startFeed(t, answer) {
  const told = { answer };
  /** @type {import("node:http").IncomingHttpHeaders[]} */
  const asked = [];
  /** @type {Set<import("node:http").ServerResponse>} */
  const open = new Set();
  const server = createServer((request, response) => {
    asked.push(request.headers);
    open.add(response);
    response.on("close", () => open.delete(response));
    told.answer(response, request);
  });
  const origin = await listen(t, server);
  return { told, asked, open, url: `${origin}/auth/revocations` };
}

/**
 * Begins a stream and sends text, piece by piece.
 *
 * @param {...(string | Buffer)} pieces
 * @returns {Answer}
 */
export function streamOf(...pieces) {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    for (const piece of pieces) response.write(piece);
  };
}

/**
 * @param {string} type
 * @param {unknown} data
 * @param {number | string} [id]
 */
export function event(type, data, id) {
  return `event: ${type}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** The event that ends what was missed. */
export const LIVE = event("live", { live: true }, 1);

/** @param {string} sid @param {number | string} [id] */
export function revokedSession(sid, id) {
  return event("revoked", { sid, at: 1_800_000_000_000, expires_in: 90 }, id);
}
