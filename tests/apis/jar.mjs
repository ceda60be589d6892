/** A browser's cookies, and what its page sends to the auth server with them. */

import { randomUUID } from "node:crypto";

/** The cookie of the refresh secret. */
export const REFRESH = "__Host-Http-nolapse";
/** The cookie of renderers. */
export const PAGE = "__Host-Http-nolapse-page";

export class Jar {
  /** @type {Map<string, string>} */
  #cookies = new Map();
  email = `${randomUUID()}@example.org`;
  password = randomUUID();

  /** @param {string} auth the auth server's origin, below which its endpoints are */
  constructor(auth) {
    this.auth = auth;
  }

  /** The header that a browser sends. @param {readonly string[]} [but] the names of cookies that have expired */
  header(but = []) {
    const sent = [...this.#cookies].filter(([name]) => !but.includes(name));
    return sent.map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** @param {string} name */
  get(name) {
    return this.#cookies.get(name) ?? "";
  }

  /**
   * Sends a `POST` with the cookies, and keeps those of the response.
   *
   * @param {string} path
   * @param {object} body
   */
  async post(path, body) {
    const response = await fetch(`${this.auth}${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "nolapse-version": "1",
        origin: new URL(this.auth).origin,
        cookie: this.header(),
      },
      body: JSON.stringify(body),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/; Max-Age=0/.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  async signUp() {
    const response = await this.post("/auth/sign-up", { email: this.email, password: this.password });
    if (!response.ok) throw new Error(`no sign-up: ${response.status}`);
    return this;
  }

  refresh() {
    return this.post("/auth/refresh", { reason: "timer", page: "visible" });
  }
}

/** @param {string} auth */
export function newBrowser(auth) {
  return new Jar(auth).signUp();
}
