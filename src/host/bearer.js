/** The access tokens of one token response, as calls send them. */

/**
 * An access token.
 *
 * @typedef {object} Bearer
 * @property {number} version
 * @property {string} token empty: the auth server refuses the context
 * @property {string} header the value of the `Authorization` header
 * @property {string} context empty for none
 */

/** The tokens of the latest token response, and until when a call can be sent with them. */
export class CurrentTokens {
  #realm;
  /** By context, as callers are settled with them. @type {Map<string, Bearer>} */
  all = new Map();
  #life = 0;
  #wall = 0;
  #ends = 0;
  #born = 0;

  /** @param {import("./realm.js").Realm} realm */
  constructor(realm) {
    this.#realm = realm;
  }

  /**
   * @param {number} version
   * @param {string} tokens those of a response, see {@link readBearers}; empty: none can be sent now
   * @param {number} life how long they can still be sent, in milliseconds
   * @param {number} age in milliseconds
   */
  replace(version, tokens, life, age) {
    const steady = this.#realm.performance.now();
    this.all = readBearers(version, tokens);
    this.#life = life;
    this.#wall = this.#realm.Date.now();
    this.#ends = steady + life;
    this.#born = steady - age;
  }

  /**
   * How long they can still be sent, in milliseconds; not above 0 if a call has to ask the machine. The steady clock may stop
   * during a suspension; the wall clock may be set, and only the machine can tell what a step back means.
   */
  get left() {
    const passed = this.#realm.Date.now() - this.#wall;
    return passed < 0 ? 0 : Math.min(this.#life - passed, this.#ends - this.#realm.performance.now());
  }

  /** Their age, in milliseconds. */
  get age() {
    return this.#realm.performance.now() - this.#born;
  }
}

/**
 * Reads a token, and pairs of a context and its token, all separated by spaces.
 *
 * @param {number} version
 * @param {string} tokens
 * @returns {Map<string, Bearer>} by context
 */
function readBearers(version, tokens) {
  const fields = ["", ...tokens.split(" ")];
  const bearers = new Map();
  for (let at = 0; at < fields.length; at += 2) {
    const [context = "", token = ""] = fields.slice(at, at + 2);
    bearers.set(context, { version, token, header: `Bearer ${token}`, context });
  }
  return bearers;
}

/**
 * Returns the token of a context that a caller was settled with.
 *
 * @param {unknown} settled
 * @param {string} context
 */
export function bearerIn(settled, context) {
  return /** @type {Bearer} */ (/** @type {Map<string, Bearer>} */ (settled).get(context));
}
