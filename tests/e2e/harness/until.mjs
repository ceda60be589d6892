/** Waits for conditions, never for a fixed time. */

import { setTimeout as pause } from "node:timers/promises";

/** The interval of the checks, in milliseconds. */
const INTERVAL_MS = 20;

/**
 * Waits until a condition holds.
 *
 * @template T
 * @param {string} what the condition in words, for the failure
 * @param {() => T | Promise<T>} condition holds if its result is truthy
 * @param {{ within?: number, every?: number }} [options] the deadline in milliseconds, 10,000 by default, and the
 *   interval of the checks
 * @returns {Promise<T & ({} | true)>} the condition's result
 * @throws Error with the last value, if the deadline passes
 */
export async function until(what, condition, { within = 10_000, every = INTERVAL_MS } = {}) {
  const deadline = performance.now() + within;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) {
      throw new Error(`after ${within} ms still not: ${what} (last: ${JSON.stringify(value)})`);
    }
    await pause(every);
  }
}
