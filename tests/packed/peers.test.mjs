import assert from "node:assert/strict";
import { test } from "node:test";

import { APART, COSTS } from "../bench/peers/bundle.mjs";
import { CONTESTANTS } from "../bench/peers/contestants.mjs";
import { arrive, startMock, visit } from "../bench/peers/visits.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";

/** The requests of each client up to its first response, on a page that was loaded when a refresh was due. */
const ASKED = {
  nolapse: ["/auth/refresh", "/notes"],
  "nolapse, early script": ["/auth/refresh", "/notes"],
  "by hand": ["/auth/refresh", "/notes"],
  "supertokens-website, cookies": ["/notes", "/auth/session/refresh", "/notes"],
  "supertokens-website, headers": ["/notes", "/auth/session/refresh", "/notes"],
  "auth0-spa-js, frame": ["/authorize", "/oauth/token", "/notes"],
  "auth0-spa-js, refresh tokens": ["/oauth/token", "/notes"],
  "oidc-client-ts": ["/.well-known/openid-configuration", "/oauth/token", "/notes"],
  "supabase-js": ["/auth/v1/token", "/notes"],
  "clerk-js": ["/__clerk/v1/environment", "/__clerk/v1/client", "/notes"],
};

/** The preflights of each up to its first response, where the auth server and the API are on other origins. */
const PREFLIGHTS = {
  // The call's own, which every token in a header costs.
  nolapse: 1,
  "nolapse, early script": 1,
  "by hand": 1,
  "supertokens-website, cookies": 3,
  "supertokens-website, headers": 3,
  "auth0-spa-js, frame": 2,
  "auth0-spa-js, refresh tokens": 2,
  "oidc-client-ts": 1,
  "supabase-js": 2,
  "clerk-js": 1,
};

const DUE_SECONDS = 3;

test("each client of the bench is served by the mock of its server, and sends nothing once its network is away", async (t) => {
  const browser = await launchBrowser(t);

  const told = await Promise.all(
    CONTESTANTS.map(async (contestant) => {
      const mock = await startMock(contestant, DUE_SECONDS);
      t.after(() => mock.stop());
      const stranger = await fetch(`${mock.origins.page}/notes`);
      const visitor = await arrive(browser, mock, DUE_SECONDS);
      // What the visit brings is still fresh when its cost is measured.
      mock.tokens.life = 3_600;
      const { status, requests } = await visit(visitor);
      await visitor.page.goto(`${mock.origins.page}${COSTS}`);
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

test("each client of the bench finds its servers on other origins, and pays the preflights that the bench prints", async (t) => {
  const browser = await launchBrowser(t);

  const told = await Promise.all(
    CONTESTANTS.map(async (contestant) => {
      const mock = await startMock(contestant, DUE_SECONDS);
      t.after(() => mock.stop());
      const visitor = await arrive(browser, mock, DUE_SECONDS, APART);
      // What the visit brings is still fresh when it is sent.
      mock.tokens.life = 3_600;
      await visitor.page.setCacheEnabled(false);
      const { status, requests, preflights } = await visit(visitor);
      return { name: contestant.name, status, requests, preflights };
    }),
  );

  assert.deepEqual(Object.fromEntries(told.map(({ name, requests }) => [name, requests])), ASKED);
  assert.deepEqual(Object.fromEntries(told.map(({ name, preflights }) => [name, preflights])), PREFLIGHTS);
  for (const { name, status } of told) assert.equal(status, 200, name);
});
