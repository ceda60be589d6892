import assert from "node:assert/strict";
import { test } from "node:test";

import { SECRET, SERVER_ENV } from "../docs/rendering.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { newBrowser, PAGE } from "./jar.mjs";
import { importServer } from "./package.mjs";

const ROUNDS = 1_000;
/** How many requests a page has at once. */
const REQUESTS = 20;
const USERS = 10;

test("P57 20,000 server requests at the moment of expiry rotate nothing, and each HTML has its user", async (t) => {
  const env = {
    ...SERVER_ENV,
    PASSWORDS_PER_ACCOUNT: "0",
    // So short that each page cookie is about to expire.
    TOKEN_LIFE_SECONDS: "5",
    LOG: "warn",
  };
  const [server, { createSessionReader }] = await Promise.all([startServer(t, env), importServer(t)]);
  const { getSession } = createSessionReader({ issuer: server.auth, audience: server.api, secret: SECRET });
  const browsers = await Promise.all(Array.from({ length: USERS }, () => newBrowser(server.auth)));
  /** @param {string} cookie */
  const render = async (cookie) => {
    const session = await getSession(new Request("http://app.example/", { headers: { cookie } }));
    const user = /** @type {{ email: string } | null} */ (session.user);
    return `<p>${user?.email ?? ("cause" in session ? session.cause : session.state)}</p>`;
  };

  for (let round = 0; round < ROUNDS; round++) {
    const browser = browsers[round % USERS];
    assert.ok(browser);
    const [current, expired] = [browser.header(), browser.header([PAGE])];
    const rendering = Array.from({ length: REQUESTS }, (_, at) => render(at % 2 ? current : expired));
    const refreshed = browser.refresh();
    for (const html of await Promise.all(rendering)) assert.equal(html, `<p>${browser.email}</p>`, `round ${round}`);
    assert.equal((await refreshed).status, 200, `round ${round}`);
  }

  const counters = await server.counters();
  // One of each browser's own refresh, and none of a look-up.
  assert.equal(counters.refreshes_rotated, ROUNDS);
  assert.equal(counters.look_ups_live, ROUNDS * REQUESTS);
  for (const never of ["reuse_alarms", "refreshes_forked", "look_ups_ended", "sign_outs"])
    assert.equal(counters[never], undefined, never);
});
