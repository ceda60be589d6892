/** Measures the time from the load of a page to its first response, if a refresh is due before it. */

import { median, shuffled } from "../scene.mjs";
import { APART, TOGETHER } from "./bundle.mjs";
import { CONTESTANTS } from "./contestants.mjs";
import { roundsOf } from "./rounds.mjs";
import { arrive, startMock, visit } from "./visits.mjs";

const ROUNDS = roundsOf(20);
const DUE_SECONDS = 3;

/**
 * How pages are loaded.
 *
 * @typedef {object} Kind
 * @property {string} kind
 * @property {boolean} cache
 * @property {number} roundTripMs what each request takes at least
 * @property {number} [slowdown] of the processor
 * @property {boolean} [isApart] whether the auth server and the API are on other origins than the page
 */

/** @type {readonly Kind[]} */
const KINDS = [
  { kind: "one machine, warm cache", cache: true, roundTripMs: 0 },
  { kind: "one machine, cold cache", cache: false, roundTripMs: 0 },
  { kind: "40 ms away, warm cache", cache: true, roundTripMs: 40 },
  { kind: "40 ms away, cold cache", cache: false, roundTripMs: 40 },
  { kind: "one machine, warm cache, processor 4 x slower", cache: true, roundTripMs: 0, slowdown: 4 },
  { kind: "one machine, warm cache, processor 6 x slower", cache: true, roundTripMs: 0, slowdown: 6 },
  { kind: "40 ms away, warm cache, processor 4 x slower", cache: true, roundTripMs: 40, slowdown: 4 },
  { kind: "40 ms away, warm cache, processor 6 x slower", cache: true, roundTripMs: 40, slowdown: 6 },
  { kind: "100 ms away, cold cache, other origins", cache: false, roundTripMs: 100, isApart: true },
];

/**
 * Milliseconds, what was asked of the servers, and how many preflights came before that.
 *
 * @typedef {{ navigation: number, script: number, requests: string, preflights: number }} Start
 */

/**
 * All clients take turns.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @returns {Promise<{ kind: Kind, starts: Map<string, Start> }[]>} medians, by contestant
 */
export async function measureStarts(browser) {
  /** @type {{ name: string, kind: Kind, visitor: import("./visits.mjs").Visitor, told: Start[] }[]} */
  const scenes = [];
  const mocks = [];
  for (const contestant of CONTESTANTS) {
    const mock = await startMock(contestant, DUE_SECONDS);
    mocks.push(mock);
    for (const kind of KINDS) {
      const visitor = await arrive(browser, mock, DUE_SECONDS, kind.isApart ? APART : TOGETHER);
      await visitor.page.setCacheEnabled(kind.cache);
      scenes.push({ name: contestant.name, kind, visitor, told: [] });
    }
  }
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const { name, kind, visitor, told } of shuffled(scenes)) {
      const { status, times, requests, preflights } = await visit(visitor, kind);
      if (status !== 200) throw new Error(`${name}, ${kind.kind}: the first answer was ${status}`);
      const { navigation = Number.NaN, script = Number.NaN } = times;
      // The first round fills the cache.
      if (round >= 0) told.push({ navigation, script, requests: requests.map(lastPart).join(" "), preflights });
    }
  }
  for (const { visitor } of scenes) await visitor.page.browserContext().close();
  for (const mock of mocks) mock.stop();
  return KINDS.map((kind) => {
    const ofKind = scenes.filter((scene) => scene.kind === kind);
    return { kind, starts: new Map(ofKind.map(({ name, told }) => [name, medians(told)])) };
  });
}

/** @param {readonly Start[]} all @returns {Start} */
function medians(all) {
  return {
    navigation: median(all.map(({ navigation }) => navigation)),
    script: median(all.map(({ script }) => script)),
    requests: mostFrequent(all.map(({ requests }) => requests)),
    preflights: median(all.map(({ preflights }) => preflights)),
  };
}

/** @param {readonly string[]} values */
function mostFrequent(values) {
  const times = (/** @type {string} */ value) => values.filter((other) => other === value).length;
  return values.toSorted((left, right) => times(right) - times(left))[0] ?? "";
}

/** @param {string} path */
function lastPart(path) {
  return path.split("/").at(-1) ?? "";
}
