/** Reads what auth servers and apps say, as far as `nolapse/testing` needs it, and keeps the row of failed refreshes. */

import { SessionError } from "./facade.js";

import { own } from "./facade.js";

/** @typedef {import("./index.js").FailureCause} FailureCause */
/** @typedef {import("./index.js").Grant} Grant */

/** What the made-up auth server throws while it is in failure. */
export class SimulatedFailure extends Error {
  /** @param {FailureCause} cause */
  constructor(cause) {
    super(cause);
    this.failure = cause;
  }
}

/** @param {unknown} error @returns {FailureCause} */
export function causeOf(error) {
  return error instanceof SimulatedFailure ? error.failure : "refresher_failed";
}

/**
 * Believes a grant, or says that it is none.
 *
 * @param {Grant} given
 * @returns {Grant}
 */
export function readGrant(given) {
  const grant = /** @type {Grant} */ (/** @type {unknown} */ (own(given)));
  const life = grant.expiresIn ?? claimedLife(grant.accessToken);
  const isToken = typeof grant.accessToken === "string" && /^[\x21-\x7e]+$/.test(grant.accessToken);
  if (!isToken || !(life >= 2 && life <= 604_800)) throw new SimulatedFailure("unexpected_answer");
  return { ...grant, expiresIn: life };
}

/** Reads `exp − iat` of a JWT. @param {unknown} token @returns {number} */
function claimedLife(token) {
  try {
    const { exp, iat } = own(
      JSON.parse(atob(String(token).split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "")),
    );
    return Number(exp) - Number(iat);
  } catch {
    return Number.NaN;
  }
}

/**
 * @param {{ id: string, user: unknown }} one
 * @param {{ id: string, user: unknown }} other
 */
export function isSameUser(one, other) {
  const [first, second] = [nameOf(one.user), nameOf(other.user)];
  return first === undefined && second === undefined ? one.id === other.id : first === second;
}

/** @param {unknown} user */
function nameOf(user) {
  const { id, sub } = own(user);
  return id ?? sub;
}

/**
 * Reads a token response (RFC 6749 §5.1).
 *
 * @param {unknown} answer
 * @throws where there is no usable token in it
 */
export function grantOf(answer) {
  const { access_token, token_type, expires_in, refresh_in, session } =
    /** @type {import("./index.js").TokenResponse} */ (/** @type {unknown} */ (own(answer)));
  if (token_type !== undefined && !/^bearer$/i.test(token_type)) throw new TypeError("the token is of another type");
  /** @type {import("./index.js").Grant} */
  const grant = { accessToken: access_token };
  if (expires_in !== undefined) grant.expiresIn = expires_in;
  if (refresh_in !== undefined) grant.refreshIn = refresh_in;
  grant.session = session ?? { id: "", user: null };
  return readGrant(grant);
}

/** How long callers wait: from their own beginning, and from the first failure; in milliseconds. */
const PATIENCE_MS = 25_000;

/** Causes that waiting does not mend. @type {readonly FailureCause[]} */
const LASTING = ["unexpected_answer", "misconfigured"];

export class Failures {
  /** How many there are. */
  count = 0;
  /** What callers are told. @type {SessionError | null} */
  error = null;
  /** When the first attempt was sent. */
  since = 0;
  /** When the next attempt may be. */
  until = 0;
  /** How long that was from the last failure, in seconds. */
  retryIn = 0;
  /** @type {(() => void)[]} */
  waiting = [];

  /**
   * Notes a failed attempt.
   *
   * @param {FailureCause} cause
   * @param {number} sent
   * @param {number} now
   */
  add(cause, sent, now) {
    if (this.count === 0) this.since = sent;
    const isYoung = now - this.since < PATIENCE_MS;
    this.retryIn = isYoung ? Math.min(2 ** this.count, 3) : Math.min(2 ** this.count, 60);
    this.count++;
    this.until = now + this.retryIn * 1_000;
    const code = cause === "timeout" || cause === "misconfigured" ? cause : "unreachable";
    const details = { failure: cause, retryIn: this.retryIn };
    this.error = new SessionError(code, "the refresh failed; the session goes on", details);
    this.stir();
    return this.error;
  }

  /** Notes that all is well, or that nothing is expected any more. */
  end() {
    this.count = this.until = this.retryIn = 0;
    this.error = null;
    this.stir();
  }

  /** Ends the rest: the app asks by name. @param {number} now */
  hurry(now) {
    this.until = Math.min(this.until, now);
  }

  /** Whether no attempt is made now. @param {number} now */
  rests(now) {
    return this.until > now;
  }

  /**
   * Whether a caller waits for the next attempt.
   *
   * @param {number} now
   * @param {number} asked when it came
   */
  isWorthWaiting(now, asked) {
    const cause = this.error?.failure;
    return cause != null && !LASTING.includes(cause) && now < Math.min(asked, this.since) + PATIENCE_MS;
  }

  /** Waits until something has changed: the clock, the server, the session. @returns {Promise<void>} */
  change() {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Has callers that wait look again. */
  stir() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
