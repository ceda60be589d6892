/** Decides whether a page may go to a provider once more, so that a page that signs in by itself never goes in circles. */

/** The most redirects to one provider in `PERIOD_MS` (P50). */
const MOST = 3;

/** One minute, in milliseconds. */
const PERIOD_MS = 60_000;

/**
 * Counts one more redirect.
 *
 * @param {readonly number[]} before when the last redirects to this provider were, in milliseconds since 1970
 * @param {number} now
 * @returns {{ times: number[], retryInMs: number }} the redirects that count from now on; `retryInMs` is 0 if this one may take
 *   place, which is then among them
 */
export function countRedirect(before, now) {
  // A time after now is from before the clock was set back, and would count for as long as that.
  const recent = before.filter((at) => at <= now && now - at < PERIOD_MS).slice(-MOST);
  const [oldest = now] = recent;
  if (recent.length < MOST) return { times: [...recent, now], retryInMs: 0 };
  return { times: recent, retryInMs: oldest + PERIOD_MS - now };
}

/**
 * Reads the times of redirects; none from a text that is not a list of them.
 *
 * @param {string | null | undefined} text
 * @returns {number[]}
 */
export function readTimes(text) {
  return (text ?? "")
    .split(" ")
    .map(Number)
    .filter((at) => Number.isFinite(at) && at > 0);
}
