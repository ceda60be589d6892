/** The common parts of the servers: the page, an auth server and its API, on one local origin or on an origin each. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as passes } from "node:timers/promises";

/** @typedef {{ type: string, body: string | Uint8Array }} File */

/** What is served where: by the page's origin everything, so that a page may need no other. @typedef {"page" | "auth" | "api"} Part */

/** A request to the auth server or the API, preflights too. @typedef {{ at: Part, method: string, path: string, status: number }} Asked */

/** A request as a protocol sees it. @typedef {{ url: URL, page: string, headers: import("node:http").IncomingHttpHeaders, cookies: Map<string, string>, body: string }} Call `page` is the origin of the page */

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

/** The server of one client's protocol, with an origin for each of its parts. */
export class Mock {
  /** @type {Asked[]} */
  requests = [];
  /** The least time of a response, in milliseconds. */
  roundTripMs = 0;
  /** @type {Record<Part, string>} */
  origins = { page: "", auth: "", api: "" };
  /** What the page consists of, by path. @type {ReadonlyMap<string, File>} */
  files = new Map();
  /** Makes a stored token an expired one, on the client's page. @type {(() => void) | undefined} */
  age;
  /** @type {import("node:http").Server[]} */
  #servers = [];
  #protocol;

  /**
   * @param {(tokens: Tokens) => Protocol} protocol
   * @param {number} life of a token, in seconds
   */
  constructor(protocol, life) {
    this.tokens = new Tokens(life);
    this.#protocol = protocol(this.tokens);
  }

  async start() {
    for (const part of /** @type {const} */ (["page", "auth", "api"])) {
      const server = createServer((request, response) => this.#answer(part, request, response));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      this.origins[part] = `http://localhost:${typeof address === "object" ? address?.port : ""}`;
      this.#servers.push(server);
    }
  }

  stop() {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  /**
   * @param {Part} at
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async #answer(at, request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "GET", headers } = request;
    const url = new URL(request.url ?? "/", this.origins[at]);
    if (this.roundTripMs > 0) await passes(this.roundTripMs);
    const file = at === "page" ? this.files.get(url.pathname) : undefined;
    if (file) {
      const kept = url.pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-store";
      return response.writeHead(200, { "content-type": file.type, "cache-control": kept }).end(file.body);
    }
    const asked = { at, method, path: url.pathname, status: 204 };
    this.requests.push(asked);
    if (method === "OPTIONS") return response.writeHead(204, preflight(headers)).end();
    const body = Buffer.concat(chunks).toString();
    const call = { url, page: this.origins.page, headers, cookies: cookiesOf(request), body };
    const answer = this.#routed(at, `${method} ${url.pathname}`, call);
    asked.status = answer.status;
    const shared = headers.origin === url.origin ? {} : sharing(headers, Object.keys(answer.headers ?? {}));
    return response
      .writeHead(answer.status, { "cache-control": "no-store", ...answer.headers, ...shared })
      .end(answer.body);
  }

  /** @param {Part} at @param {string} route @param {Call} call @returns {Answer} */
  #routed(at, route, call) {
    if (route !== "GET /notes") return (at !== "api" && this.#protocol.routes[route]?.(call)) || { status: 404 };
    const isValid = this.tokens.isValid(this.#protocol.tokenOf(call));
    return isValid ? json({ notes: [] }) : { status: 401, headers: { "www-authenticate": "Bearer" } };
  }
}

/**
 * Lets a page of another origin read a response (Fetch §3.3.3).
 *
 * @param {import("node:http").IncomingHttpHeaders} headers of the request
 * @param {readonly string[]} exposed headers of the response
 * @returns {Record<string, string>}
 */
function sharing({ origin }, exposed) {
  if (origin === undefined) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": exposed.join(", "),
    vary: "Origin",
  };
}

/**
 * Allows what a preflight asks for, for as long as browsers keep that.
 *
 * @param {import("node:http").IncomingHttpHeaders} headers of the preflight
 */
function preflight(headers) {
  const asked = headers["access-control-request-headers"];
  return {
    ...sharing(headers, []),
    "access-control-allow-methods": headers["access-control-request-method"] ?? "",
    ...(asked && { "access-control-allow-headers": asked }),
    "access-control-max-age": "7200",
  };
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
