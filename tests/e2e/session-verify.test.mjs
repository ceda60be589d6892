import assert from "node:assert/strict";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { newUser, openPage, signIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

test("nolapse/verify checks the signature and hands out the claims", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page } = await openPage(browser, server);
  await page.evaluate(
    async (options) => {
      /** @type {typeof import("nolapse/verify")} */
      const { createSession } = await import(/** @type {string} */ ("/nolapse/verify.js"));
      window.session = /** @type {typeof window.session} */ (await createSession(options));
    },
    { auth: server.auth, apis: [server.api] },
  );
  await signIn(page, newUser(), "sign-up");

  const seen = await page.evaluate(async () => {
    /** @type {typeof import("nolapse/verify")} */
    const { claims } = await import(/** @type {string} */ ("/nolapse/verify.js"));
    const jwks = "/.well-known/jwks.json";
    const good = await claims(window.session, { jwks });
    const refusal = (/** @type {Parameters<typeof claims>[1]} */ options) =>
      claims(window.session, options).then(
        () => "accepted",
        (error) => `${error.name} ${error.code}: ${error.message}`,
      );
    const { status } = window.session;
    return {
      good,
      user: status.state === "signed-in" ? status.user.id : "",
      issuer: await refusal({ jwks, issuer: "https://evil.example" }),
      audience: await refusal({ jwks, audience: "https://evil.example" }),
      keys: await refusal({ jwks: { keys: [] } }),
      set: await refusal({ jwks: "/blank.html" }),
    };
  });

  assert.equal(seen.good.sub, seen.user);
  assert.equal(seen.good.exp - (seen.good.iat ?? 0), 60);
  assert.equal(seen.good.role, "member");
  assert.equal(typeof seen.good.sid, "string");
  assert.match(seen.issuer, /^SessionError misconfigured: another issuer/);
  assert.match(seen.audience, /^SessionError misconfigured: the access token is meant for somebody else/);
  assert.match(seen.keys, /^SessionError misconfigured: .*does not publish/);
  assert.match(seen.set, /^SessionError misconfigured: /);
});
