/** The session of `nolapse/testing`: what the real one decides, in memory, on a clock that somebody else moves. */

import { SessionEnded, SessionError } from "./facade.js";
import { causeOf, Failures, isSameUser, readGrant, SimulatedFailure } from "./testing-grant.js";

/** @typedef {import("./testing.js").TestSessionOptions} Options */
/** @typedef {import("./index.js").SessionStatus} Status */
/** @typedef {import("./index.js").FailureCause} FailureCause */
/** @typedef {import("./index.js").SignOutReason} SignOutReason */
/** @typedef {import("./index.js").RefreshReason} RefreshReason */
/** @typedef {import("./index.js").Grant} Grant */
/** A token and the moments of its life, in milliseconds. @typedef {{ token: string, life: number, issued: number, expires: number, refreshAt: number, session: { id: string, user: unknown } }} Held */
/** @typedef {{ session: { id: string, user: unknown } | null, failure: FailureCause | null, tokens: number }} Server */

/** What HTTP says of a failure, where it says anything. @type {{ [cause in FailureCause]?: number }} */
const HTTP_STATUS = { server_error: 503, rate_limited: 429, unexpected_answer: 200, misconfigured: 400 };

/** How many transitions are kept. */
const TRACED = 64;

export class TestCore {
  /** @type {Status} */
  snapshot = Object.freeze({ state: "unknown", degraded: false });
  refreshes = 0;
  waiting = 0;
  /** @type {Held | null} */
  held = null;
  /** @type {{ reason: SignOutReason | null, serverTold: boolean } | null} */
  out = null;
  /** The row of failed refreshes. */
  failures = new Failures();
  /** Counts sign-ins and sign-outs: an answer to a question from before is of no interest. */
  epoch = 0;
  offset = 0;
  /** @type {Promise<void> | null} */
  flight = null;
  /** @type {import("./index.js").TraceEntry[]} */
  steps = [];
  /** @type {Server} */
  server;

  /**
   * @param {Options} options
   * @param {(type: string, event: unknown) => void} emit
   */
  constructor(options, emit) {
    const { user, unknown = false, life = 60, now = () => 0, auth } = options;
    this.emit = emit;
    this.clock = now;
    this.life = life;
    this.auth = typeof auth === "object" && "refresh" in auth ? auth : undefined;
    this.server = { session: user === undefined ? null : { id: "session-1", user }, failure: null, tokens: 0 };
    if (unknown) return;
    if (user === undefined) this.out = { reason: null, serverTold: true };
    else this.hold(readGrant(this.issue()));
    this.publish();
  }

  /** Milliseconds on the test's clock. */
  now() {
    return this.clock() + this.offset;
  }

  /** Seconds that the token has left. */
  left() {
    return this.held === null ? 0 : Math.max(0, (this.held.expires - this.now()) / 1_000);
  }

  /** Seconds since the token was issued. */
  age() {
    return this.held === null ? 0 : (this.now() - this.held.issued) / 1_000;
  }

  /**
   * A token that is good enough, after a refresh where there is none.
   *
   * @param {number} minValidity in seconds
   */
  async token(minValidity) {
    let isRenewed = false;
    const asked = this.now();
    for (;;) {
      if (this.out !== null) throw signedOut(this.out.reason);
      const isUsable = this.held !== null && this.left() > 0;
      if (this.held !== null && isUsable) {
        if (this.left() >= minValidity) return this.held.token;
        if (isRenewed || this.held.life < minValidity * 1_000) {
          throw new SessionError("min_validity", "no token lives as long as minValidity asks");
        }
      }
      isRenewed = await this.attempt(this.held === null ? "load" : "demand", asked);
    }
  }

  /**
   * Renews for a caller, or waits for the auth server to come back where that may help (P49).
   *
   * @param {RefreshReason} reason
   * @param {number} asked when the caller came
   * @returns {Promise<boolean>} whether there is a new token
   */
  async attempt(reason, asked) {
    const { failures } = this;
    if (!failures.rests(this.now())) {
      try {
        await this.wait(this.refresh(reason));
        return true;
      } catch (error) {
        // The failures have ended meanwhile, by a sign-out or because the server is back: look again.
        if (failures.error === null) return false;
        if (!failures.isWorthWaiting(this.now(), asked)) throw error;
      }
    }
    if (!failures.isWorthWaiting(this.now(), asked)) throw failures.error;
    await this.wait(failures.change());
    return false;
  }

  /**
   * Another token than the one that an API has refused.
   *
   * @param {string} refused
   */
  async replacement(refused) {
    const asked = this.now();
    while (this.out === null && this.held?.token === refused) await this.attempt("rejected", asked);
    return this.token(0);
  }

  /**
   * Renews because the app asked for it; with `force` by a question that is asked after this call.
   *
   * @param {boolean} force
   */
  async renew(force) {
    if (force && this.flight !== null) await this.flight.catch(() => undefined);
    const asked = this.now();
    // Who has a token can go on with it, and is told of a failure at once.
    if (this.left() > 0) await this.wait(this.refresh("force"));
    else {
      this.failures.hurry(asked);
      // A visitor asks too: the server may know of a session.
      const { out } = this;
      let isRenewed = false;
      while (this.out === out && !isRenewed) isRenewed = await this.attempt("force", asked);
    }
    if (this.out !== null) throw signedOut(this.out.reason);
  }

  /** @param {Promise<void>} refresh */
  async wait(refresh) {
    this.waiting++;
    try {
      await refresh;
    } finally {
      this.waiting--;
    }
  }

  /**
   * Asks for a new token, or joins whoever does.
   *
   * @param {RefreshReason} reason
   * @returns {Promise<void>} rejects with why there is none
   */
  refresh(reason) {
    this.flight ??= this.exchange(reason).finally(() => {
      this.flight = null;
    });
    return this.flight;
  }

  /** @param {RefreshReason} reason */
  async exchange(reason) {
    const { epoch } = this;
    const sent = this.now();
    const attempt = ++this.refreshes;
    this.trace("refresh sent", attempt, null);
    try {
      const answer = await this.ask(reason);
      if (epoch !== this.epoch) return;
      this.hold(readGrant(answer), sent);
      this.trace("refresh finished", attempt, "granted");
      this.tellRefreshed(reason, "this-tab", this.now() - sent);
      this.publish();
    } catch (error) {
      if (epoch !== this.epoch) return;
      if (error instanceof Error && error.name === "SessionEnded") {
        this.end("reason" in error ? /** @type {SignOutReason} */ (error.reason) : "expired");
        throw signedOut(this.out?.reason ?? null);
      }
      throw this.degrade(causeOf(error), reason, attempt, sent);
    }
  }

  /** @param {RefreshReason} reason @returns {Promise<Grant>} */
  async ask(reason) {
    const refresher = this.auth?.refresh;
    if (typeof refresher !== "function") {
      if (this.server.failure !== null) throw new SimulatedFailure(this.server.failure);
      if (this.server.session === null) throw new SessionEnded(this.out?.reason ?? "no_cookie");
      return this.issue();
    }
    return refresher({ reason, page: "visible", activeAgo: 0, signal: new AbortController().signal });
  }

  /** A token of the made-up auth server. @returns {Grant} */
  issue() {
    const session = this.server.session ?? { id: "session-1", user: null };
    return { accessToken: `test-token-${++this.server.tokens}`, expiresIn: this.life, session };
  }

  /**
   * Takes a token over.
   *
   * @param {Grant} grant
   * @param {number} [sent] when it was asked for: its life is counted from there
   */
  hold(grant, sent = this.now()) {
    const life = (grant.expiresIn ?? 0) * 1_000;
    // The real one sends no token in its last moments either: it would arrive expired.
    const leeway = Math.min(life / 4, 1_500, Math.max(life / 8, 1_100));
    const lead = Math.max(Math.min(10_000, life / 6), leeway * 1.2);
    const refreshIn = grant.refreshIn === undefined ? life - lead : grant.refreshIn * 1_000;
    const previous = this.held?.session;
    const session = grant.session ?? previous ?? { id: "", user: null };
    const expires = sent + life - leeway;
    const refreshAt = sent + Math.max(refreshIn, 1_000);
    this.held = { token: grant.accessToken, life, issued: sent, expires, refreshAt, session };
    this.server.session = session;
    this.out = null;
    this.failures.end();
    if (previous !== undefined && !isSameUser(previous, session)) {
      this.emit("user-changed", Object.freeze({ user: session.user, previous: previous.user }));
    }
  }

  /**
   * Takes over a session from elsewhere.
   *
   * @param {Grant} grant
   * @param {"adopted" | "other-tab"} source
   */
  adopt(grant, source) {
    this.epoch++;
    this.hold(grant);
    this.trace("adopted", null, source);
    this.tellRefreshed(null, source, 0);
    this.publish();
  }

  /** @param {SignOutReason} reason */
  end(reason, serverTold = true) {
    const wasIn = this.out === null;
    const wasKnown = this.held !== null;
    this.epoch++;
    this.held = null;
    this.server.session = null;
    this.failures.end();
    // A visitor who was never signed in has no reason to be told.
    const isVisitor = reason === "no_cookie" && !wasKnown;
    this.out = { reason: isVisitor ? (this.out?.reason ?? null) : reason, serverTold };
    this.trace("ended", null, reason);
    if (wasIn && !isVisitor) this.emit("signed-out", Object.freeze({ reason, trace: Object.freeze([...this.steps]) }));
    this.publish();
  }

  /** @param {boolean} everywhere @returns {Promise<boolean>} whether the auth server knows */
  async signOut(everywhere) {
    if (this.out?.serverTold && !everywhere) return true;
    this.end("signed_out", false);
    const { epoch } = this;
    const tell = this.auth?.signOut;
    try {
      if (typeof tell === "function") await tell({ everywhere, signal: new AbortController().signal });
      else if (this.auth === undefined && this.server.failure !== null) return false;
    } catch {
      return false;
    }
    if (epoch === this.epoch) this.told();
    return true;
  }

  /** Notes that the auth server knows of the sign-out. */
  told() {
    if (this.out === null || this.out.serverTold) return;
    this.out = { ...this.out, serverTold: true };
    this.publish();
  }

  /** @param {FailureCause | null} cause */
  fail(cause) {
    this.server.failure = cause;
    if (cause !== null) return;
    this.failures.end();
    this.told();
  }

  /**
   * @param {FailureCause} cause
   * @param {RefreshReason} reason
   * @param {number} attempt
   * @param {number} sent
   */
  degrade(cause, reason, attempt, sent) {
    const error = this.failures.add(cause, sent, this.now());
    const { count: failures, retryIn } = this.failures;
    this.trace("refresh finished", attempt, cause);
    const httpStatus = HTTP_STATUS[cause] ?? null;
    const duration = this.now() - sent;
    this.emit("refresh-failed", Object.freeze({ reason, cause, httpStatus, duration, failures, retryIn }));
    this.publish();
    return error;
  }

  /** When the next refresh in the background is due, in milliseconds. */
  due() {
    if (this.out !== null) return Number.POSITIVE_INFINITY;
    return Math.max(this.held?.refreshAt ?? 0, this.failures.until);
  }

  /** @param {number} seconds */
  async advance(seconds) {
    const end = this.now() + seconds * 1_000;
    while (this.due() <= end) {
      this.offset += Math.max(0, this.due() - this.now());
      // A failure is an event and a status, and is told to those who wait.
      await this.refresh(this.held === null ? "load" : "timer").catch(() => undefined);
    }
    this.offset += Math.max(0, end - this.now());
    this.failures.stir();
  }

  /** Makes a new snapshot where anything in it has changed. */
  publish() {
    const degraded = this.failures.error?.failure ?? false;
    /** @type {Status} */
    let next = { state: "unknown", degraded };
    if (this.held !== null) {
      const { id: sessionId, user } = this.held.session;
      next = { state: "signed-in", user, sessionId, degraded };
    }
    if (this.out !== null) next = { state: "signed-out", ...this.out, degraded: false };
    if (JSON.stringify(next) === JSON.stringify(this.snapshot)) return;
    this.snapshot = Object.freeze(next);
    this.emit("status", this.snapshot);
  }

  /**
   * @param {RefreshReason | null} reason
   * @param {"this-tab" | "other-tab" | "adopted"} source
   * @param {number} duration
   */
  tellRefreshed(reason, source, duration) {
    const refreshIn = ((this.held?.refreshAt ?? 0) - this.now()) / 1_000;
    const { waiting } = this;
    this.emit("refresh", Object.freeze({ reason, source, waiting, duration, expiresIn: this.left(), refreshIn }));
  }

  /**
   * @param {string} trigger
   * @param {number | null} attempt
   * @param {string | null} outcome
   */
  trace(trigger, attempt, outcome) {
    const status = this.out !== null ? "signed-out" : this.held === null ? "unknown" : "signed-in";
    /** @type {import("./index.js").TraceEntry} */
    const step = { at: this.now(), trigger, status, tab: "00000001", page: "visible", attempt, outcome };
    this.steps = [...this.steps, Object.freeze(step)].slice(-TRACED);
    this.emit("trace", step);
  }
}

/** @param {SignOutReason | null} reason */
function signedOut(reason) {
  const message = reason === null ? "nobody is signed in" : "the session has ended";
  return new SessionError("signed_out", message, reason === null ? {} : { reason });
}
