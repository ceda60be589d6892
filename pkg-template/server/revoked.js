/** What was revoked, for as long as a token of it can be valid. */

/** @typedef {import("../server.js").Revocation} Revocation */

/** The most entries of each kind; beyond it the oldest is forgotten, and its tokens end by themselves. */
const MAX_ENTRIES = 250_000;
/** The longest that an entry is kept, in seconds: the longest life that a token of the reference server can have, and some. */
const MAX_SECONDS = 86_460;
/** How far clocks of two auth servers may differ, in seconds: a user's tokens that were issued shortly after count as before. */
const SKEW_SECONDS = 5;
/** How often entries are forgotten that concern no token any more, in seconds. */
const SWEEP_SECONDS = 1;
const MAX_ID_CHARS = 256;

/** Creates an empty memory. Ages are of this machine's steady clock: neither its wall clock nor the auth server's counts. */
export function createRevoked() {
  const began = performance.now();
  // Whole seconds since the beginning: small integers, which take no memory of their own.
  const now = () => Math.floor((performance.now() - began) / 1_000);
  /** When to forget each session. @type {Map<string, number>} */
  const sessions = new Map();
  /** The last `iat` of each user that counts, and when to forget it. @type {Map<string, { until: number, issuedAt: number }>} */
  const users = new Map();
  let sweptAt = 0;

  const sweep = () => {
    const at = now();
    if (at - sweptAt < SWEEP_SECONDS) return;
    sweptAt = at;
    // In the order in which they came, which is about that in which they end.
    for (const [id, until] of sessions) {
      if (until > at) break;
      sessions.delete(id);
    }
    for (const [id, { until }] of users) {
      if (until > at) break;
      users.delete(id);
    }
  };

  return {
    /**
     * Adds what an event says.
     *
     * @param {unknown} data
     * @returns {Revocation | undefined} the revocation, unless it was known
     * @throws where it is none
     */
    add(data) {
      sweep();
      const { sid, sub, at, seconds } = readRevocation(data);
      const until = now() + seconds;
      if (sid !== undefined) {
        const known = sessions.get(sid);
        keep(sessions, sid, Math.max(until, known ?? 0));
        return known === undefined ? Object.freeze({ sid, at }) : undefined;
      }
      const known = users.get(sub);
      const issuedAt = Math.max(Math.floor(at / 1_000) + SKEW_SECONDS, known?.issuedAt ?? 0);
      keep(users, sub, { until: Math.max(until, known?.until ?? 0), issuedAt });
      return known?.issuedAt === issuedAt ? undefined : Object.freeze({ sub, at });
    },

    /**
     * Says whether a token is revoked.
     *
     * @param {{ sid: string, sub: string, iat: number }} claims
     */
    has({ sid, sub, iat }) {
      const until = sessions.get(sid);
      if (until !== undefined && until > now()) return true;
      if (users.size === 0) return false;
      const user = users.get(sub);
      return user !== undefined && user.until > now() && iat <= user.issuedAt;
    },
  };
}

/**
 * @template Value
 * @param {Map<string, Value>} map
 * @param {string} id
 * @param {Value} value
 */
function keep(map, id, value) {
  map.set(id, value);
  if (map.size <= MAX_ENTRIES) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/**
 * @param {unknown} data
 * @returns {{ sid: string, sub?: undefined, at: number, seconds: number } | { sid?: undefined, sub: string, at: number, seconds: number }}
 */
function readRevocation(data) {
  if (typeof data === "object" && data !== null && "at" in data && "expires_in" in data) {
    const { at, expires_in: left } = data;
    const seconds = isCount(left) ? Math.min(left, MAX_SECONDS) + 1 : undefined;
    const sid = "sid" in data ? data.sid : undefined;
    const sub = "sub" in data ? data.sub : undefined;
    if (isCount(at) && seconds !== undefined) {
      if (isId(sid) && sub === undefined) return { sid, at, seconds };
      if (isId(sub) && sid === undefined) return { sub, at, seconds };
    }
  }
  throw new Error("an event of the stream is no revocation");
}

/** @param {unknown} value @returns {value is number} */
function isCount(value) {
  return typeof value === "number" && value >= 0 && Number.isSafeInteger(value);
}

/** @param {unknown} value @returns {value is string} */
function isId(value) {
  return typeof value === "string" && value !== "" && value.length <= MAX_ID_CHARS;
}
