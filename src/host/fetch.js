/**
 * The platform's `fetch`, with a valid token for listed origins.
 *
 * With a valid token, the request is sent synchronously: one `Request`, one header, one `fetch`, and one check of the
 * response's status. Arguments are converted once, and the origin check applies to the resulting `Request`: the caller's
 * getters, iterators and proxies run before it, and a later change of the base URL has no effect.
 */

import { TOKEN_REJECTED, TOKEN_REQUESTED } from "../generated/codes.js";
import { bearerIn } from "./bearer.js";
import { isTokenRejected } from "./challenge.js";
import { checkAuthorization, checkContext } from "./options.js";
import { own } from "./own.js";
import { Origins } from "./origins.js";

/** @typedef {import("./options.js").Authorization} Authorization */
/** @typedef {import("./bearer.js").Bearer} Bearer */
/** What a call says of its token. @typedef {{ authorization: Authorization, context: string, background: boolean }} Terms */

/**
 * A call to report to `onCall`.
 *
 * @typedef {{ method: string, url: string, begun: number, waitedMs: number, tokenAgeMs: number, retried: boolean }} Call
 */

/** Safe methods without a body (RFC 9110 §9.2.1): repeating them has no effect. */
const SAFE = /^(GET|HEAD)$/;

export class FetchWrapper {
  #realm;
  #Request;
  #host;
  #native;
  #origins;
  #url;
  #authorization;
  #context;
  /** Called when a call finishes, if the app observes calls. @type {import("./host.js").App["called"] | undefined} */
  onCall;
  /** Called when an API wants a step-up, if the app listens for that. @type {import("./step-up.js").Tell | undefined} */
  onStepUp;

  /**
   * @param {import("./options.js").Settings} settings
   * @param {import("./host.js").Host} host
   * @param {import("./realm.js").Realm} realm
   */
  constructor({ allowedOrigins, authorization, context }, host, realm) {
    this.#host = host;
    this.#authorization = authorization;
    this.#context = context;
    this.#origins = new Origins(allowedOrigins);
    this.#realm = realm;
    this.#native = realm.fetch;
    this.#Request = realm.Request;
    /** The platform's getter, which a subclass or proxy cannot override. */
    this.#url = Object.getOwnPropertyDescriptor(this.#Request.prototype, "url")?.get;
  }

  /**
   * Calls `fetch` with these arguments, with a token if the URL of the resulting `Request` is listed. Throws if the call's own
   * `authorization` or `context` is invalid.
   *
   * @param {Parameters<typeof fetch> | []} given
   * @returns {Promise<Response>}
   */
  fetch(...given) {
    const [input, init] = given;
    const terms = {
      authorization: checkAuthorization(field(init, "authorization") ?? this.#authorization),
      context: checkContext(field(init, "context") ?? this.#context),
      background: !!field(init, "background"),
    };
    try {
      // Without arguments, the platform throws its own error.
      if (!given.length) return /** @type {() => Promise<Response>} */ (this.#native).call(this.#realm);
      const known = typeof input === "object" && input ? this.#urlOf(input) : undefined;
      // Convert to a string once: a second conversion could return another URL.
      const target = known === undefined ? `${input}` : /** @type {Request} */ (input);
      // An absolute URL of an unlisted origin goes to the platform's `fetch` with the caller's own arguments.
      if (this.#origins.allows(known ?? `${target}`) === false) return this.#native.call(this.#realm, target, init);
      const body = field(init, "body");
      const request = this.#make(target, init);
      if (!this.#allows(request) || request.headers.has("authorization")) return this.#send(request);
      // Check first: most calls have no signal, and reading `request.signal` makes the platform create one.
      const mayBeAborted = known !== undefined || (init && "signal" in init);
      if (!mayBeAborted || !request.signal.aborted) return this.#authorise(request, body, terms);
      const { reason } = request.signal;
      release(request, reason);
      throw reason;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Makes the `Request` that `fetch` would make. Firefox loses `keepalive` when a `Request` is copied.
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
   * Returns the URL of a `Request` of any realm; `undefined` for anything else.
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
   * @param {unknown} body the body that the request was made from, if known
   * @param {Terms} terms
   * @returns {Promise<Response>}
   */
  #authorise(request, body, { authorization, context, background }) {
    const call = this.onCall && this.#begin(request);
    const bearer = this.#host.bearer(background, context);
    if (bearer) return this.#watch(this.#sendWith(bearer, request, body, call), call);
    const isBrief = authorization === "best_effort";
    return this.#ask([TOKEN_REQUESTED, 0, Number(isBrief), 0, context], request, (ok, answer) => {
      if (!ok) {
        if (!request.signal.aborted && goesWithout(authorization, answer))
          return this.#watch(this.#send(request), call);
        release(request, answer);
        throw answer;
      }
      if (call) call.waitedMs = Math.round(this.#realm.performance.now() - call.begun);
      return this.#watch(this.#sendWith(bearerIn(answer, context), request, body, call), call);
    });
  }

  /**
   * Asks the machine for a token for a request, until the request's signal aborts.
   *
   * @param {import("./callers.js").Question} question
   * @param {Request} request
   * @param {(ok: boolean, answer: unknown) => Response | Promise<Response>} next
   * @returns {Promise<Response>}
   */
  #ask(question, { signal }, next) {
    return new Promise((resolve, reject) => {
      this.#host.ask(question, signal, (ok, answer) => {
        try {
          resolve(next(ok, answer));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /**
   * Sends a request with a token, synchronously, and retries once if the response allows it.
   *
   * @param {Bearer} bearer
   * @param {Request} given
   * @param {unknown} body
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #sendWith(bearer, given, body, call) {
    if (call) call.tokenAgeMs = this.#host.tokens.age;
    // Both are immutable, so a rare retry needs no copy.
    const fixed = typeof body === "string" || body instanceof Blob ? body : undefined;
    // Do not read `body`: in WebKit, reading it turns it into a stream.
    const isBare = fixed !== undefined || SAFE.test(given.method);
    const request = isBare ? given : this.#replayable(given);
    if (!request) return this.#sendBearing(bearer, given);
    const again = isBare ? request : request.clone();
    return this.#sendBearing(bearer, request).then((answer) => {
      if (answer.status !== 401 || !this.#isFromBearer(request, answer)) return answer;
      const retry = () => this.#retry(bearer, again, fixed, answer, call);
      const tell = this.onStepUp;
      if (isTokenRejected(answer)) return retry();
      if (!tell) return answer;
      const stepUp = import("./step-up.js").then(({ steppedUp }) => steppedUp(answer, tell));
      return stepUp.then(
        (done) => (done ? retry() : answer),
        () => answer,
      );
    });
  }

  /**
   * Returns a request with the same body if the body can be sent again. Returns `undefined` for a stream and leaves it
   * untouched: a clone would tee it, and an abort would then end one branch and not the source.
   *
   * Platforms do not expose whether a body is a stream, but reject one in mode `no-cors` before they consume it (Fetch, the
   * `Request` constructor: a body whose source is null).
   *
   * @param {Request} request
   * @returns {Request | undefined}
   */
  #replayable(request) {
    const { method, mode, cache, headers, keepalive, referrer, referrerPolicy } = request;
    // A navigation request, forwarded by a service worker, cannot be constructed again.
    if (mode === "navigate") return undefined;
    try {
      const taken = new this.#Request(request, own({ method: "POST", mode: "no-cors", cache: "default", keepalive }));
      return new this.#Request(taken, own({ method, mode, cache, headers, keepalive, referrer, referrerPolicy }));
    } catch {
      return undefined;
    }
  }

  /**
   * Whether a response is from an origin that received the token, to a request that may be repeated. Browsers remove the
   * header on a cross-origin redirect, and a redirected method other than GET and HEAD may already have had its effect.
   *
   * @param {Request} request
   * @param {Response} answer
   */
  #isFromBearer(request, { redirected, url }) {
    if (!redirected) return true;
    return SAFE.test(request.method) && this.#origins.originOf(url) === this.#origins.originOf(request.url);
  }

  /**
   * Refreshes the rejected token and sends the request once more; without another token, returns the first response.
   *
   * @param {Bearer} rejected
   * @param {Request} again
   * @param {BodyInit | undefined} body
   * @param {Response} answer
   * @param {Call | undefined} call
   * @returns {Promise<Response>}
   */
  #retry({ version, context }, again, body, answer, call) {
    return this.#ask([TOKEN_REJECTED, version, 0, 0, context], again, (ok, found) => {
      if (!ok && again.signal.aborted) throw found;
      if (!ok) return answer;
      const bearer = bearerIn(found, context);
      if (bearer.version === version) return answer;
      if (call) call.retried = true;
      return this.#sendBearing(bearer, body === undefined ? again : new this.#Request(again, own({ body })));
    });
  }

  /**
   * Sets the `Authorization` header and sends the request; the only place that sets it. A `Request` and its copies always
   * have the same URL, so the origin check of the first holds for all copies.
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
    // Firefox loses `keepalive` of a Request, and takes it from options.
    return request.keepalive
      ? this.#native.call(this.#realm, request, kept(request))
      : this.#native.call(this.#realm, request);
  }

  /** @param {Request} request @returns {Call} */
  #begin({ method, url }) {
    const [place = ""] = url.split(/[?#]/);
    return { method, url: place, begun: this.#realm.performance.now(), waitedMs: 0, tokenAgeMs: 0, retried: false };
  }

  /**
   * Reports a call to `onCall` when its response arrives; the caller receives the response untouched.
   *
   * @param {Promise<Response>} answer
   * @param {Call | undefined} call
   */
  #watch(answer, call) {
    if (call) {
      const tell = (/** @type {number | undefined} */ status) => {
        const { method, url, begun, waitedMs, tokenAgeMs, retried } = call;
        const durationMs = Math.round(this.#realm.performance.now() - begun);
        this.onCall?.(method, url, waitedMs, tokenAgeMs, status, retried, durationMs);
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
 * Reads a field without running a getter: the platform runs it once, and a second run could differ.
 *
 * @param {unknown} init
 * @param {string} name
 */
function field(init, name) {
  return init ? own(Object.getOwnPropertyDescriptor(init, name)).value : undefined;
}

/**
 * Whether a call is sent without a token for which there is this error.
 *
 * @param {Authorization} authorization
 * @param {unknown} error
 */
function goesWithout(authorization, error) {
  const { code } = own(error);
  if (code === "signed_out") return authorization !== "required";
  return authorization === "best_effort" && code !== undefined && code !== "closed";
}

/**
 * Options that preserve `keepalive`, and the referrer, which any options reset.
 *
 * @param {Request} request
 */
function kept({ referrer, referrerPolicy }) {
  return own({ keepalive: true, referrer, referrerPolicy });
}

/**
 * Cancels the stream behind a request that is not sent, so that a camera or a file is closed.
 *
 * @param {Request} request
 * @param {unknown} reason
 */
function release({ body }, reason) {
  // The platform may have cancelled or locked it already.
  body?.cancel(reason).catch(() => {});
}
