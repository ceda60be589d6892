import assert from "node:assert/strict";
import { test } from "node:test";

import { createTestSession } from "nolapse/testing";

import { CASES as CALLS } from "../contract/calls.mjs";
import { CASES as SESSIONS } from "../contract/session.mjs";
import { Api, tokenResponse } from "../contract/world.mjs";

// Browsers have `reportError` for errors of listeners. The listeners of these tests throw on purpose.
globalThis.reportError ??= () => {};

/** @returns {import("../contract/world.mjs").World} */
function testWorld() {
  const api = new Api();
  const session = createTestSession({ allowedOrigins: [api.listed], fetch: api.fetch });
  return {
    session: /** @type {import("../contract/world.mjs").Session} */ (session),
    api,
    signUp: () => session.signIn(async () => new Response(JSON.stringify(tokenResponse("ada")))),
    pass: (seconds) => session.test.advance(seconds * 1_000),
    outage: (isOut) => session.test.fail(isOut ? "server_error" : null),
    revoke: () => session.test.end("revoked"),
  };
}

for (const { title, expected, run } of [...SESSIONS, ...CALLS]) {
  test(`nolapse/testing keeps the contract: ${title}`, async () => {
    assert.deepEqual(await run(testWorld()), expected);
  });
}
