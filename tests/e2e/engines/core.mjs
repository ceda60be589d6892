/** The core tests, the same in each engine. */

import { after, test } from "node:test";

import { CALLS } from "./calls.mjs";
import { HOSTILE } from "./hostile.mjs";
import { LIFE } from "./life.mjs";
import { PAGES } from "./pages.mjs";
import { PROVIDERS } from "./providers.mjs";
import { PUSH } from "./push.mjs";
import { TABS } from "./tabs.mjs";

/**
 * A test; it is called with a function that opens profiles, which end with the test.
 *
 * @typedef {(t: import("node:test").TestContext, openProfile: () => Promise<import("./scene.mjs").Profile>) => Promise<void>} Body
 */

/**
 * Runs the core tests in an engine, or skips them with the reason.
 *
 * @param {import("../harness/engines.mjs").Engine} engine
 */
export async function playCore({ name, missing, start }) {
  if (missing) return test(`the core tests in ${name}`, { skip: missing });
  // One browser for all tests, because some engines start slowly; each test has a profile of its own.
  const openProfile = await start({ after });
  const all = { ...LIFE, ...PAGES, ...TABS, ...PUSH, ...PROVIDERS, ...CALLS, ...HOSTILE };
  for (const [title, body] of Object.entries(all)) {
    test(`${title} (${name})`, (t) => body(t, () => openProfile(t)));
  }
}
