/**
 * Published clients and ours, in one run: size, memory, cost of a call and of a token, and time from the load of a page to its
 * first response. Each is set up by its own documentation and has a local server of its own, which implements its protocol and
 * does as little as the others. Page, auth server and API share one origin, so that no call needs a preflight, unless a table
 * is about other origins. `NOLAPSE_ROUNDS=2` makes a quick trial of it.
 */

import { availableParallelism, loadavg } from "node:os";

import { CONTESTANTS, OURS, versions } from "./peers/contestants.mjs";
import { measureCosts } from "./peers/costs.mjs";
import { measureMemory } from "./peers/memory.mjs";
import { measureStarts } from "./peers/starts.mjs";
import { measureWeights } from "./peers/weights.mjs";
import { inBrowser, table } from "./scene.mjs";

const CALL_DIGITS = 1;
const TOKEN_DIGITS = 2;

/** For an operation that a client does not have, as its set-up explains. */
const NONE = "–";

await inBrowser(async (browser) => {
  console.log(`${(await versions()).join(", ")}; ${await browser.version()}`);
  console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}\n`);
  console.log(table([["client", ""], ...CONTESTANTS.map(({ name, setUp }) => [name, setUp])], 2));

  const weights = await measureWeights();
  const lightest = weights.get(OURS);
  print("download, minified", ["brotli B", "gzip B", "ours is 1"], weights, ({ brotli, gzip }) => [
    String(brotli),
    String(gzip),
    ratio(brotli, lightest?.brotli),
  ]);

  const costs = await measureCosts(browser);
  const ours = costs.get(OURS);
  const columns = ["median", "ours is 1", "over fetch", "cookies at hand, over fetch"];
  print("µs a call, no network", columns, costs, ({ call, over, overWithCookies }) => [
    call.toFixed(CALL_DIGITS),
    ratio(call, ours?.call),
    over.toFixed(CALL_DIGITS),
    overWithCookies.toFixed(CALL_DIGITS),
  ]);
  print("µs a token that is fresh", ["median", "ours is 1"], costs, ({ token }) => [
    token?.toFixed(TOKEN_DIGITS) ?? NONE,
    token === undefined ? NONE : ratio(token, ours?.token),
  ]);

  const memory = await measureMemory(browser);
  const least = memory.get(OURS);
  print("KiB over a page without", ["heap", "module", "both", "ours is 1"], memory, ({ heap, module }) => [
    kibibytes(heap),
    kibibytes(module),
    kibibytes(heap + module),
    ratio(heap + module, least && least.heap + least.module),
  ]);

  for (const { kind, starts } of await measureStarts(browser)) {
    const quickest = starts.get(OURS);
    const times = ["since navigation", "ours is 1", "since script start", "ours is 1", "preflights", "requests"];
    print(`first answer, ms, ${kind.kind}`, times, starts, ({ navigation, script, preflights, requests }) => [
      navigation.toFixed(1),
      ratio(navigation, quickest?.navigation),
      script.toFixed(1),
      ratio(script, quickest?.script),
      String(preflights),
      requests,
    ]);
    if (kind.isApart) {
      const joined = CONTESTANTS.filter(({ isJoined }) => isJoined).map(({ name }) => name);
      console.log(`One origin for the auth server and the API, since the client knows no more: ${joined.join("; ")}.`);
    }
  }
  return [];
});

/**
 * Prints a table with a line for each client.
 *
 * @template T
 * @param {string} title
 * @param {readonly string[]} columns
 * @param {ReadonlyMap<string, T>} measured
 * @param {(one: T) => string[]} cells
 */
function print(title, columns, measured, cells) {
  const rows = [...measured].map(([name, one]) => [name, ...cells(one)]);
  console.log(`\n${table([[title, ...columns], ...rows])}`);
}

/** @param {number} value @param {number | undefined} ours */
function ratio(value, ours) {
  return ours ? `${(value / ours).toFixed(2)} x` : NONE;
}

/** @param {number} bytes */
function kibibytes(bytes) {
  return (bytes / 1_024).toFixed(0);
}
