/** `DEV_TLS`: what `npm run demo -- --https` serves, in three engines. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { chromium, firefox, webkit } from "./harness/engines.mjs";
import { newUser, openSession, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

// Before the first test: with `--test-force-exit`, the file ends after the tests that there are.
const engines = await Promise.all(
  [chromium, firefox, webkit].map(async ({ name, missing, start }) => {
    return { name, missing, openProfile: missing ? undefined : await start({ after }) };
  }),
);

for (const { name, missing, openProfile } of engines) {
  test(`issue11 over TLS on localhost a sign-in survives a reload (${name})`, { skip: missing || false }, async (t) => {
    assert.ok(openProfile);
    const [server, profile] = await Promise.all([startServer(t, { DEV_TLS: "1" }), openProfile(t)]);
    const tab = await profile.openTab();
    const user = newUser();
    await tab.goto(`${server.auth}/blank.html`);
    await openSession(tab, server);
    await signIn(tab, user, "sign-up");

    await tab.goto(`${server.auth}/blank.html`);
    await openSession(tab, server);
    // The token of before the reload is gone: only the cookie can renew it.
    const call = await tab.evaluate(async (url) => (await window.session.fetch(url)).status, `${server.api}/notes`);

    const email = await tab.evaluate(
      () => window.session.status.state === "signed_in" && window.session.status.user.email,
    );
    assert.deepEqual([new URL(server.auth).protocol, call, email], ["https:", 200, user.email]);
  });
}
