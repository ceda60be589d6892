/** What every engine must show: the same tests in each. */

import { after, test } from "node:test";

import { CALLS } from "./calls.mjs";
import { HOSTILE } from "./hostile.mjs";
import { LIFE } from "./life.mjs";
import { PAGES } from "./pages.mjs";
import { TABS } from "./tabs.mjs";

/**
 * A test, given what opens profiles that end with it.
 *
 * @typedef {(t: import("node:test").TestContext, openProfile: () => Promise<import("./scene.mjs").Profile>) => Promise<void>} Body
 */

/**
 * Plays the core tests in an engine, or says why not.
 *
 * @param {import("../harness/engines.mjs").Engine} engine
 */
export async function playCore({ name, missing, start }) {
  if (missing) return test(`the core tests in ${name}`, { skip: missing });
  // One browser for all tests, because some engines take their time to start; each test has a profile of its own.
  const openProfile = await start({ after });
  for (const [title, body] of Object.entries({ ...LIFE, ...PAGES, ...TABS, ...CALLS, ...HOSTILE })) {
    test(`${title} (${name})`, (t) => body(t, () => openProfile(t)));
  }
}
