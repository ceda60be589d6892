/** The common parts of the servers: an auth server, its API and the page, on one local origin. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as passes } from "node:timers/promises";

/** @typedef {{ type: string, body: string | Uint8Array }} File */

/** A request as a protocol sees it. @typedef {{ url: URL, headers: import("node:http").IncomingHttpHeaders, cookies: Map<string, string>, body: string }} Call */

/** @typedef {{ status: number, headers?: Record<string, string | string[]>, body?: string }} Answer */

/**
 * A client's protocol, from its documentation.
 *
 * @typedef {object} Protocol
 * @property {Record<string, (call: Call) => Answer>} routes by method and path
 * @property {(call: Call) => string | undefined} tokenOf reads the token of an API call
 */

/** The tokens that were issued and have not expired. */
export class Tokens {
  /** The end of each, by `performance.now()`. @type {Map<string, number>} */
  #ends = new Map();

  /** @param {number} life in seconds */
  constructor(life) {
    this.life = life;
  }

  /** Creates a token with the form and length of a JWT, and a random signature. */
  issue() {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { sub: "ada", sid: "1", aud: "api", scope: "notes", iat, exp: iat + this.life, jti: secret(16) };
    const token = jwt({ alg: "EdDSA", typ: "at+jwt", kid: "1" }, claims);
    this.#ends.set(token, performance.now() + this.life * 1_000);
    return token;
  }

  /** @param {string | undefined} token */
  isValid(token) {
    return performance.now() < (this.#ends.get(token ?? "") ?? 0);
  }
}

/** A server of one client's protocol. */
export class Mock {
  /** Paths of the requests to the auth server and the API, preflights too. @type {string[]} */
  requests = [];
  /** The least time of a response, in milliseconds. */
  roundTripMs = 0;
  origin = "";
  #server = createServer((request, response) => this.#answer(request, response));
  #protocol;
  #files;

  /**
   * @param {(tokens: Tokens) => Protocol} protocol
   * @param {number} life of a token, in seconds
   * @param {ReadonlyMap<string, File>} files what the page consists of, by path
   */
  constructor(protocol, life, files) {
    this.tokens = new Tokens(life);
    this.#protocol = protocol(this.tokens);
    this.#files = files;
  }

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    this.origin = `http://localhost:${typeof address === "object" ? address?.port : ""}`;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async #answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? "/", this.origin);
    if (this.roundTripMs > 0) await passes(this.roundTripMs);
    const file = this.#files.get(url.pathname);
    if (file) {
      const kept = url.pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-store";
      return response.writeHead(200, { "content-type": file.type, "cache-control": kept }).end(file.body);
    }
    this.requests.push(url.pathname);
    const call = { url, headers: request.headers, cookies: cookiesOf(request), body: Buffer.concat(chunks).toString() };
    const { status, headers, body } = this.#routed(`${request.method} ${url.pathname}`, call);
    return response.writeHead(status, { "cache-control": "no-store", ...headers }).end(body);
  }

  /** @param {string} route @param {Call} call @returns {Answer} */
  #routed(route, call) {
    if (route !== "GET /notes") return this.#protocol.routes[route]?.(call) ?? { status: 404 };
    const isValid = this.tokens.isValid(this.#protocol.tokenOf(call));
    return isValid ? json({ notes: [] }) : { status: 401, headers: { "www-authenticate": "Bearer" } };
  }
}

/** @param {unknown} value @param {number} [status] @returns {Answer} */
export function json(value, status = 200) {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** @param {number} [bytes] */
export function secret(bytes = 32) {
  return randomBytes(bytes).toString("base64url");
}

/** @param {object} header @param {object} claims */
export function jwt(header, claims) {
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(claims)}.${secret(64)}`;
}

/** The token of RFC 6750's header. @param {Call} call */
export function bearer({ headers }) {
  return /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
}

/** @param {import("node:http").IncomingMessage} request */
function cookiesOf({ headers }) {
  const pairs = (headers.cookie ?? "").split("; ").map((pair) => pair.split("="));
  return new Map(pairs.map(([name = "", ...value]) => [name, value.join("=")]));
}
