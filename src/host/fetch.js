/**
 * The platform's `fetch`, with a valid token for listed origins.
 *
 * Where the token is fresh, everything happens in the caller's own tick: one `Request`, one header, one call, and one
 * look at the status of the answer. Arguments are converted once, and the verdict is on the `Request` that this makes:
 * getters, iterators and proxies of the caller's run before it, and a moved base changes nothing after it.
 */

import { AGE, TOKEN_REJECTED, TOKEN_REQUESTED } from "./bridge.js";
import { own } from "./own.js";
import { Origins } from "./origins.js";

/** A token as it is sent. @typedef {{ version: number, header: string }} Bearer */

/**
 * A call that somebody wants to hear of, times in milliseconds.
 *
 * @typedef {{ method: string, url: string, begun: number, waited: number, tokenAge: number, retried: boolean }} Call
 */

/** Methods without a body, and without an effect that a second request would double (RFC 9110 §9.2.1). */
const SAFE = /^(GET|HEAD)$/;

export class FetchWrapper {
  #Request;
  #host;
  #native;
  #origins;
  #url;
  /** Who hears of calls, where anybody does. @type {import("./host.js").App["called"] | undefined} */
  onCall;

  /**
   * @param {readonly string[]} apis
   * @param {import("./host.js").Host} host
   */
  constructor(apis, host) {
    this.#host = host;
    this.#origins = new Origins(apis);
    this.#native = fetch;
    this.#Request = Request;
    /** Of the platform's own, which no subclass and no proxy can answer for. */
    this.#url = Object.getOwnPropertyDescriptor(Request.prototype, "url")?.get;
  }

  /**
   * Does what `fetch` does with these arguments, with a token where the URL of their `Request` is listed.
   *
   * @param {Parameters<typeof fetch> | []} given
   * @returns {Promise<Response>}
   */
  fetch(...given) {
    try {
      const [input, init] = given;
      // Without any argument, the error is the platform's own.
      if (!given.length) return /** @type {() => Promise<Response>} */ (this.#native).call(globalThis);
      const known = typeof input === "object" && input ? this.#urlOf(input) : undefined;
      // A text is made once, so that it cannot be another one when it is asked for again.
      const target = known === undefined ? `${input}` : /** @type {Request} */ (input);
      // Listed or not whatever the base: a call to elsewhere is the platform's, with the caller's own arguments.
      if (this.#origins.allows(known ?? `${target}`) === false) return this.#native.call(globalThis, target, init);
      // Looked at without running a getter, which the platform does once, and nothing here once more.
      const body = init ? own(Object.getOwnPropertyDescriptor(init, "body")).value : undefined;
      const request = this.#make(target, init);
      if (!this.#allows(request) || request.headers.has("authorization")) return this.#send(request);
      // Looked for first: most calls have no signal, and a platform would make one only to be asked.
      const mayBeAborted = known !== undefined || (init && "signal" in init);
      if (!mayBeAborted || !request.signal.aborted) return this.#authorise(request, body);
      const { reason } = request.signal;
      release(request, reason);
      throw reason;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Makes the request that `fetch` makes of its arguments. Firefox loses `keepalive` on the way from one request to another.
   *
   * @param {string | Request} target
   * @param {RequestInit | undefined} init
   */
  #make(target, init) {
    const request = new this.#Request(target, init);
    const isLost = typeof target !== "string" && target.keepalive && !request.keepalive;
    return isLost && !(init && "keepalive" in init) ? new this.#Request(request, kept(request)) : request;
  }

  /**
   * Gives the URL of a request of any realm; nothing where it is no request.
   *
   * @param {object} input
   * @returns {string | undefined}
   */
  #urlOf(input) {
    try {
      return this.#url?.call(input);
    } catch {
      return undefined;
    }
  }

  /**
   * Whether a request may carry the token.
   *
   * @param {Request} request
   */
  #allows(request) {
    return this.#origins.allows(this.#urlOf(request) ?? "") === true;
  }

  /**
   * @param {Request} request
   * @param {unknown} body what the request was made of, where that is known
   * @returns {Promise<Response>}
   */
  #authorise(request, body) {
    const call = this.onCall && this.#begin(request);
    const bearer = this.#host.bearer();
    if (bearer) return this.#watch(this.#sendWith(bearer, request, body, call), call);
    return this.#ask(TOKEN_REQUESTED, 0, request, (ok, answer) => {
      if (!ok) {
        release(request, answer);
        throw answer;
      }
      if (call) call.waited = Math.round(performance.now() - call.begun);
      return this.#watch(this.#sendWith(/** @type {Bearer} */ (answer), request, body, call), call);
    });
  }

  /**
   * Asks the machine for a token on behalf of a request, until its signal ends that.
   *
   * @param {number} kind
   * @param {number} version
   * @param {Request} request
   * @param {(ok: boolean, answer: unknown) => Response | Promise<Response>} next
   * @returns {Promise<Response>}
   */
  #ask(kind, version, { signal }, next) {
    return new Promise((resolve, reject) => {
      this.#host.ask(kind, version, signal, (ok, answer) => {
        try {
          resolve(next(ok, answer));
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
   * @param {Request} given
   * @param {unknown} body
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #sendWith(bearer, given, body, call) {
    if (call) call.tokenAge = this.#host.look(AGE);
    // Neither can be changed: no copy is made for a retry that hardly ever comes.
    const fixed = typeof body === "string" || body instanceof Blob ? body : undefined;
    // `body` is not looked at: in WebKit, that alone makes a stream of it.
    const isBare = fixed !== undefined || SAFE.test(given.method);
    const request = isBare ? given : this.#replayable(given);
    if (!request) return this.#sendBearing(bearer, given);
    const again = isBare ? request : request.clone();
    return this.#sendBearing(bearer, request).then((answer) => {
      if (answer.ok || !this.#isFromBearer(request, answer) || !this.#host.shouldRetry(answer)) return answer;
      return this.#retry(bearer.version, again, fixed, answer, call);
    });
  }

  /**
   * Gives a request with that request's body, where the body can be sent again; nothing where it is a stream, which is left
   * as it is: a copy would be a tee, of which an abort ends one branch and not the source.
   *
   * Platforms hide whether a body is a stream, but refuse one in mode `no-cors`, before they take it over (Fetch, the
   * constructor of `Request`: a body whose source is null).
   *
   * @param {Request} request
   * @returns {Request | undefined}
   */
  #replayable(request) {
    const { method, mode, cache, headers, keepalive, referrer, referrerPolicy } = request;
    // A navigation, which a service worker hands on, cannot be made again.
    if (mode === "navigate") return undefined;
    try {
      const taken = new this.#Request(request, own({ method: "POST", mode: "no-cors", cache: "default", keepalive }));
      return new this.#Request(taken, own({ method, mode, cache, headers, keepalive, referrer, referrerPolicy }));
    } catch {
      return undefined;
    }
  }

  /**
   * Whether an answer is from an origin that was sent the token, to a request that may be repeated. Browsers take the header
   * away on the way to another origin, and a redirect of another method than GET and HEAD may have had its effect.
   *
   * @param {Request} request
   * @param {Response} answer
   */
  #isFromBearer(request, { redirected, url }) {
    if (!redirected) return true;
    return SAFE.test(request.method) && this.#origins.originOf(url) === this.#origins.originOf(request.url);
  }

  /**
   * Renews the refused token and sends the request once more; without another token the first answer is the answer.
   *
   * @param {number} version
   * @param {Request} again
   * @param {BodyInit | undefined} body
   * @param {Response} answer
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #retry(version, again, body, answer, call) {
    return this.#ask(TOKEN_REJECTED, version, again, (ok, found) => {
      if (!ok && again.signal.aborted) throw found;
      const bearer = /** @type {Bearer} */ (found);
      if (!ok || bearer.version === version) return answer;
      if (call) call.retried = true;
      return this.#sendBearing(bearer, body === undefined ? again : new this.#Request(again, own({ body })));
    });
  }

  /**
   * Sends a request with a token: the one place that puts it on. The URL of a `Request` never changes, and a copy has the same:
   * the verdict on the first holds for all that are made of it.
   *
   * @param {Bearer} bearer
   * @param {Request} request
   */
  #sendBearing(bearer, request) {
    request.headers.set("authorization", bearer.header);
    return this.#send(request);
  }

  /** @param {Request} request */
  #send(request) {
    // Firefox loses it on the way through a Request, and takes it from options.
    return request.keepalive
      ? this.#native.call(globalThis, request, kept(request))
      : this.#native.call(globalThis, request);
  }

  /** @param {Request} request @returns {Call} */
  #begin({ method, url }) {
    const [place = ""] = url.split(/[?#]/);
    return { method, url: place, begun: performance.now(), waited: 0, tokenAge: 0, retried: false };
  }

  /**
   * Tells of a call when its answer is there; the answer itself goes to the caller untouched.
   *
   * @param {Promise<Response>} answer
   * @param {Call | undefined} call
   */
  #watch(answer, call) {
    if (call) {
      const tell = (/** @type {number | undefined} */ status) => {
        const { method, url, begun, waited, tokenAge, retried } = call;
        const duration = Math.round(performance.now() - begun);
        this.onCall?.(method, url, waited, tokenAge, status, retried, duration);
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
 * Options that keep `keepalive`, and the referrer, which options reset.
 *
 * @param {Request} request
 */
function kept({ referrer, referrerPolicy }) {
  return own({ keepalive: true, referrer, referrerPolicy });
}

/**
 * Ends the stream behind a request that is not sent, so that a camera or a file is closed.
 *
 * @param {Request} request
 * @param {unknown} reason
 */
function release({ body }, reason) {
  // Where the platform has seen to it already, there is nothing to end.
  body?.cancel(reason).catch(() => {});
}
