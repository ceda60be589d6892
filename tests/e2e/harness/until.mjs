/** Waits for conditions, never for a fixed time. */

import { setTimeout as pause } from "node:timers/promises";

/** How often a condition is looked at, in milliseconds. */
const INTERVAL_MS = 20;

/**
 * Waits until a condition holds.
 *
 * @template T
 * @param {string} what the condition in words, for the failure
 * @param {() => T | Promise<T>} condition holds where it gives something truthy
 * @param {{ within?: number, every?: number }} [options] the deadline in milliseconds, 10,000 by default, and how
 *   often the condition is looked at
 * @returns {Promise<T & ({} | true)>} what the condition gave
 * @throws Error with the last value, where the deadline passes
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
