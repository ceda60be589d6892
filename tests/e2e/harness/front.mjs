/** A TLS proxy before a server, as in production, on an origin of its own. It records the requests of every engine. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request as forward } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { promisify } from "node:util";

import { findOpenssl } from "../../tools/system.mjs";
import { portOf } from "./ports.mjs";

/**
 * One received request; preflights are left out.
 *
 * @typedef {object} Received
 * @property {string} method
 * @property {string} path without the query
 * @property {string} url with the query
 * @property {string | undefined} authorization
 * @property {string | undefined} cookie
 * @property {string} body
 * @property {number} at milliseconds on the clock of `performance.now()` in this process
 * @property {number | undefined} status undefined until the server has responded
 * @property {import("node:http").IncomingHttpHeaders} headers
 * @property {boolean | undefined} isDelivered whether the browser read the whole response; undefined until that is known
 */

/** @typedef {{ key: string, cert: string }} Identity */

/**
 * A proxy that terminates TLS. If its server does not respond, it resets the connection, as a network does; without a server
 * it responds to every request itself, with permissive CORS headers.
 */
export class Front {
  /** @type {string} */
  #target = "";
  #agent = new Agent({ keepAlive: false });

  /** @param {string} origin where browsers find it */
  constructor(origin) {
    this.origin = origin;
    /** @type {Received[]} */
    this.received = [];
    /** Which requests are to have a token that the server cannot read. @type {(one: Received) => boolean} */
    this.spoils = () => false;
    /** What a request waits for before its answer goes back. @type {(one: Received) => Promise<void> | undefined} */
    this.holds = () => undefined;
    /** Where a request is sent instead. @type {(one: Received) => string | undefined} */
    this.redirects = () => undefined;
    /** Which requests are answered with this status in the server's place. @type {(one: Received) => number | undefined} */
    this.fails = () => undefined;
    /** Whether the Content-Security-Policy is removed from responses, so that pages may call any origin. */
    this.dropsPolicy = false;
    /** Whether the Cross-Origin-Opener-Policy is, so that pages and their pop-ups know each other in every engine. */
    this.dropsOpenerPolicy = false;
  }

  /** @param {string} target the origin of the server behind it */
  forwardTo(target) {
    this.#target = target;
  }

  /**
   * The requests to a path.
   *
   * @param {string} path
   */
  to(path) {
    return this.received.filter((one) => one.path === path);
  }

  /** The requests that renew the token. */
  refreshes() {
    return this.to("/auth/refresh");
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async pass(request, response) {
    try {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      await this.#answer(request, Buffer.concat(chunks), response);
    } catch {
      request.socket.destroy();
    }
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {Buffer} body
   * @param {import("node:http").ServerResponse} response
   */
  async #answer(request, body, response) {
    const one = this.#note(request, body);
    const elsewhere = one.method === "OPTIONS" ? undefined : this.redirects(one);
    if (elsewhere !== undefined) {
      response.writeHead(307, { ...welcome(request.headers), location: elsewhere }).end();
      return;
    }
    const failure = this.fails(one);
    if (failure !== undefined) {
      one.status = failure;
      response.writeHead(failure, welcome(request.headers)).end();
      return;
    }
    if (this.#target === "") {
      response.writeHead(200, welcome(request.headers)).end();
      return;
    }
    const headers = { ...request.headers };
    if (one.authorization !== undefined && this.spoils(one)) headers.authorization = "Bearer spoiled";
    const answer = await this.#forward(request, headers, body);
    one.status = answer.statusCode;
    await this.holds(one);
    const { connection, ...kept } = answer.headers;
    if (this.dropsPolicy) delete kept["content-security-policy"];
    if (this.dropsOpenerPolicy) delete kept["cross-origin-opener-policy"];
    response.writeHead(answer.statusCode ?? 502, kept);
    // If either side closes, both do.
    pipeline(answer, response, (error) => {
      one.isDelivered = !error;
    });
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {Buffer} body
   */
  #note(request, body) {
    const { method = "", url = "/", headers } = request;
    /** @type {Received} */
    const one = {
      method,
      path: new URL(url, this.origin).pathname,
      url: new URL(url, this.origin).href,
      authorization: headers.authorization,
      cookie: headers.cookie,
      body: body.toString(),
      at: performance.now(),
      status: undefined,
      headers,
      isDelivered: undefined,
    };
    if (method !== "OPTIONS") this.received.push(one);
    return one;
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").IncomingHttpHeaders} headers
   * @param {Buffer} body
   * @returns {Promise<import("node:http").IncomingMessage>}
   */
  async #forward({ method, url = "/" }, headers, body) {
    const outgoing = forward(new URL(url, this.#target), { method, headers, agent: this.#agent });
    outgoing.end(body);
    const [answer] = await once(outgoing, "response");
    return answer;
  }
}

/**
 * CORS headers that let pages of all origins read a response.
 *
 * @param {import("node:http").IncomingHttpHeaders} asked
 */
function welcome(asked) {
  return {
    "access-control-allow-origin": asked.origin ?? "*",
    "access-control-allow-headers": asked["access-control-request-headers"] ?? "",
  };
}

/**
 * Starts a proxy that ends with the test.
 *
 * @param {import("node:test").TestContext} test
 * @param {Identity} identity
 * @returns {Promise<Front>}
 */
export async function startFront(test, identity) {
  /** @type {Front} */
  let front;
  const listener = createServer(identity, (request, response) => void front.pass(request, response));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  front = new Front(`https://localhost:${portOf(listener)}`);
  test.after(() => {
    listener.closeAllConnections();
    listener.close();
  });
  return front;
}

/**
 * Creates a key and a self-signed certificate: the browsers are set to accept any.
 *
 * @returns {Promise<Identity>}
 */
export async function makeIdentity() {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", cert, ...names];
  try {
    await promisify(execFile)(findOpenssl() ?? "openssl", made);
    return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
