import assert from "node:assert/strict";
import { test } from "node:test";

import { CONTESTANTS } from "../bench/peers/contestants.mjs";
import { arrive, startMock, visit } from "../bench/peers/visits.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";

/** The requests of each client up to its first response, on a page that was loaded when a refresh was due. */
const ASKED = {
  nolapse: ["/auth/refresh", "/notes"],
  "by hand": ["/auth/refresh", "/notes"],
  "supertokens-website, cookies": ["/notes", "/auth/session/refresh", "/notes"],
  "supertokens-website, headers": ["/notes", "/auth/session/refresh", "/notes"],
  "auth0-spa-js, frame": ["/authorize", "/oauth/token", "/notes"],
  "auth0-spa-js, refresh tokens": ["/oauth/token", "/notes"],
  "oidc-client-ts": ["/.well-known/openid-configuration", "/oauth/token", "/notes"],
};

const DUE_SECONDS = 3;

test("each client of the bench is served by the mock of its server, and sends nothing once its network is away", async (t) => {
  const browser = await launchBrowser(t);

  const told = await Promise.all(
    CONTESTANTS.map(async (contestant) => {
      const mock = await startMock(contestant, DUE_SECONDS);
      t.after(() => mock.stop());
      const stranger = await fetch(`${mock.origin}/notes`);
      const visitor = await arrive(browser, mock, DUE_SECONDS);
      const { status, requests } = await visit(visitor);
      mock.tokens.life = 3_600;
      await visitor.page.goto(`${mock.origin}/costs.html`);
      await visitor.page.evaluate(() => window.costs);
      const before = mock.requests.length;
      const price = await visitor.page.evaluate(async () => (await window.costs).call(10));
      const sent = mock.requests.length - before;
      return { name: contestant.name, stranger: stranger.status, status, requests, isPriced: price > 0, sent };
    }),
  );

  assert.deepEqual(Object.fromEntries(told.map(({ name, requests }) => [name, requests])), ASKED);
  for (const { name, requests: _, ...rest } of told) {
    assert.deepEqual(rest, { stranger: 401, status: 200, isPriced: true, sent: 0 }, name);
  }
});
