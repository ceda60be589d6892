/**
 * The platform's `fetch`, with a valid token for listed origins.
 *
 * Where the token is fresh, everything happens in the caller's own tick: one `Request`, one header, one call, and one
 * look at the status of the answer.
 */

import { AGE, TOKEN_REJECTED, TOKEN_REQUESTED } from "./mailbox.js";
import { Origins } from "./urls.js";

/** A token as it is sent. @typedef {{ version: number, header: string }} Bearer */

/**
 * A call that somebody wants to hear of, times in milliseconds.
 *
 * @typedef {{ method: string, url: string, begun: number, waited: number, tokenAge: number, retried: boolean }} Call
 */

/** A body that can be given once more, one that the platform has to copy, a stream that runs once, or none. */
const FIXED = 1;
const WHOLE = 2;
const STREAM = 3;

export class Calls {
  /** Who hears of calls, where anybody does. @type {import("./host.js").App["called"] | undefined} */
  heard;

  /**
   * @param {readonly string[]} apis
   * @param {import("./host.js").Host} host
   */
  constructor(apis, host) {
    this.host = host;
    this.origins = new Origins(apis);
    this.native = fetch;
    this.Request = Request;
  }

  /**
   * Does what `fetch` does with these arguments, with a token where their URL is listed.
   *
   * @param {RequestInfo | URL} input
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  fetch(input, init) {
    try {
      const target = this.target(input);
      // With the caller's own arguments, so that errors are the platform's own.
      if (target === undefined) return this.native.call(globalThis, input, init);
      const request = new this.Request(target, init);
      // A subclass of Request may have said another URL than the one it stands for.
      const leadsElsewhere = typeof target !== "string" && !this.origins.admit(request.url);
      if (leadsElsewhere || request.headers.has("authorization")) return this.send(request);
      return this.authorise(request, init, typeof target !== "string");
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Judges the input; nothing where it goes elsewhere, or nowhere that can be told.
   *
   * @param {unknown} input
   * @returns {string | Request | undefined}
   */
  target(input) {
    if (typeof input === "string") return this.origins.admit(input) ? input : undefined;
    const url = typeof input === "object" && input ? this.urlOf(input) : undefined;
    if (url !== undefined) return this.origins.admit(url) ? /** @type {Request} */ (input) : undefined;
    // It has no text; the platform says so in its own words.
    if (typeof input === "symbol") return undefined;
    // Looked at once, so that nobody can say another one when asked again.
    const text = String(input);
    return this.origins.admit(text) ? text : undefined;
  }

  /**
   * Gives the URL of a request of any realm; nothing where it is no request.
   *
   * @param {object} input
   * @returns {string | undefined}
   */
  urlOf(input) {
    if (input instanceof this.Request) return input.url;
    try {
      // Of another realm: the platform takes it for a request by its kind, and so does this getter.
      return Object.getOwnPropertyDescriptor(this.Request.prototype, "url")?.get?.call(input);
    } catch {
      return undefined;
    }
  }

  /**
   * @param {Request} request
   * @param {RequestInit | undefined} init
   * @param {boolean} isRequest whether the caller gave one
   * @returns {Promise<Response>}
   */
  authorise(request, init, isRequest) {
    const load = loadOf(request, init, isRequest);
    const body = load === FIXED ? init?.body : undefined;
    const call = this.heard && this.begin(request);
    const bearer = this.host.bearer();
    if (bearer) return this.watch(this.sendWith(bearer, request, load, body, call), call);
    if (request.signal.aborted) return this.send(request);
    return new Promise((resolve, reject) => {
      this.host.ask(TOKEN_REQUESTED, 0, request.signal, (isKept, answer) => {
        if (!isKept) return reject(answer);
        if (call) call.waited = Math.round(performance.now() - call.begun);
        const bearer = /** @type {Bearer} */ (answer);
        try {
          resolve(this.watch(this.sendWith(bearer, request, load, body, call), call));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /**
   * Sends a request with a token, in the same tick, and has its answer looked at.
   *
   * @param {Bearer} bearer
   * @param {Request} request
   * @param {number} load
   * @param {BodyInit | null | undefined} body
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  sendWith(bearer, request, load, body, call) {
    if (call) call.tokenAge = this.host.look(AGE);
    const again = load === WHOLE ? request.clone() : request;
    request.headers.set("authorization", bearer.header);
    const sent = this.send(request);
    if (load === STREAM) return sent;
    return sent.then((answer) => {
      if (answer.ok || !this.host.mends(answer)) return answer;
      return this.retry(bearer.version, again, body, answer, call);
    });
  }

  /**
   * Renews the refused token and sends the request once more; without another token the first answer is the answer.
   *
   * @param {number} version
   * @param {Request} again
   * @param {BodyInit | null | undefined} body
   * @param {Response} answer
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  retry(version, again, body, answer, call) {
    return new Promise((resolve, reject) => {
      const { signal } = again;
      this.host.ask(TOKEN_REJECTED, version, signal, (isKept, found) => {
        if (!isKept) return signal.aborted ? reject(found) : resolve(answer);
        const bearer = /** @type {Bearer} */ (found);
        if (bearer.version === version) return resolve(answer);
        if (call) call.retried = true;
        try {
          const request = body === undefined ? again : new this.Request(again, { body });
          request.headers.set("authorization", bearer.header);
          resolve(this.send(request));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** @param {Request} request */
  send(request) {
    return this.native.call(globalThis, request);
  }

  /** @param {Request} request @returns {Call} */
  begin({ method, url }) {
    const [place = ""] = url.split(/[?#]/);
    return { method, url: place, begun: performance.now(), waited: 0, tokenAge: 0, retried: false };
  }

  /**
   * Tells of a call when its answer is there; the answer itself goes to the caller untouched.
   *
   * @param {Promise<Response>} answer
   * @param {Call | undefined} call
   */
  watch(answer, call) {
    if (call) {
      const tell = (/** @type {number | undefined} */ status) => {
        const { method, url, begun, waited, tokenAge, retried } = call;
        const duration = Math.round(performance.now() - begun);
        this.heard?.(method, url, waited, tokenAge, status, retried, duration);
      };
      answer.then(
        ({ status }) => tell(status),
        () => tell(undefined),
      );
    }
    return answer;
  }
}

/**
 * Tells whether a request has a body, and whether it can be sent again.
 *
 * @param {Request} request
 * @param {RequestInit | undefined} init
 * @param {boolean} isRequest
 */
function loadOf(request, init, isRequest) {
  const body = typeof init === "object" ? init?.body : undefined;
  // Nobody can change these: no copy is made for a retry that hardly ever comes.
  if (typeof body === "string" || body instanceof Blob) return FIXED;
  if (body instanceof ReadableStream) return STREAM;
  if (body != null) return WHOLE;
  if (!isRequest || request.body === null) return 0;
  // Some browsers cannot tell; then the method does.
  return request.body === undefined && /^(GET|HEAD)$/.test(request.method) ? 0 : WHOLE;
}
