/** What a recipe with another library has to answer, and how each is run. */

import assert from "node:assert/strict";

import { isTokenRejected } from "../../src/host/challenge.js";
import { until } from "../e2e/harness/until.mjs";
import { signIn, signUp } from "./auth.mjs";
import { forge, forgeriesFor } from "./forgeries.mjs";
import { Key } from "./issuer.mjs";
import { sendHeaders } from "./recipes.mjs";

/** How long a recipe may take to see a key that was published while it ran: most ask for a key set every 5 s at most. */
const PUBLISHED_MS = 15_000;

/** How many key ids are made up, how many of them at a time, and how often the key set may be asked for meanwhile. */
const MADE_UP = { count: 120, together: 20, mostFetches: 12 };

/**
 * Calls the route of a recipe with tokens of the auth server, through a rotation of its keys, with every forgery, and at
 * last while the auth server is away.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} url
 * @param {import("./issuer.mjs").Issuer} issuer
 */
export async function checkLibraryRoute(t, url, issuer) {
  const user = await signUp(issuer.server);
  const subject = claimsOf(user.token).sub;

  await t.test("it lets in who has a token", async () => {
    await assertAccepted(url, user.token, subject);
    // What the forgeries are changes of.
    await assertAccepted(url, forge(issuer), "u");
  });
  await t.test("it challenges who has none", async () => {
    const response = await fetch(url);
    assert.equal(response.status, 401);
    assert.ok(isTokenRejected(response), `${response.headers.get("www-authenticate")}`);
  });
  await t.test("it refuses every forgery, so that the page refreshes", async () => {
    const accepted = [];
    for (const [name, token] of forgeriesFor(issuer, user.token)) {
      const { status, challenge, rejected } = await call(url, token);
      if (status !== 401 || !rejected) accepted.push(`${name}: ${status}, ${challenge}`);
    }
    assert.deepEqual(accepted, []);
  });
  await t.test("it refuses several tokens, whichever is valid", () => checkSeveralTokens(url, user.token));
  await t.test("it accepts what a key signs that was published while it ran", async () => {
    const key = new Key("published later");
    issuer.keys.push(key);
    const token = () => forge(issuer, { header: { kid: key.kid }, by: key });
    const seen = async () => (await call(url, token())).status === 200;
    await until("the recipe accepts the new key", seen, { within: PUBLISHED_MS, every: 1_000 });
  });
  await t.test("a rotation of keys fails no request", async () => {
    await issuer.server.command(["keys", "revoke"]);
    const rotated = async () => {
      const { token } = await signIn(issuer.server, user);
      await assertAccepted(url, token, subject);
      return headerOf(token).kid !== headerOf(user.token).kid;
    };
    await until("the server signs with the next key", rotated, { within: 20_000, every: 250 });
  });
  await t.test("made-up key ids cost the auth server few requests, and users nothing", async () => {
    const { token } = await signIn(issuer.server, user);
    await assertAccepted(url, token, subject);
    const before = issuer.fetched();
    const stranger = new Key("nobody's");
    for (let sent = 0; sent < MADE_UP.count; sent += MADE_UP.together) {
      const calls = Array.from({ length: MADE_UP.together }, (_, at) =>
        call(url, forge(issuer, { header: { kid: `made up ${sent + at}` }, by: stranger })),
      );
      // A limit of fetches can say that it does not know.
      for (const { status } of await Promise.all(calls)) assert.ok(status === 401 || status >= 500, `${status}`);
      await assertAccepted(url, token, subject);
    }
    const fetches = issuer.fetched() - before;
    assert.ok(fetches <= MADE_UP.mostFetches, `${fetches} requests for ${MADE_UP.count} key ids`);
  });
  await t.test("it needs no auth server for keys that it has seen", async () => {
    const { token } = await signIn(issuer.server, user);
    await assertAccepted(url, token, subject);
    await issuer.leave();
    await assertAccepted(url, token, subject);
  });
}

/**
 * Calls a route with two tokens, in two headers and in one, of which at least one is valid.
 *
 * @param {string} url
 * @param {string} token
 */
async function checkSeveralTokens(url, token) {
  const [good, bad] = [`Bearer ${token}`, "Bearer x"];
  const accepted = [];
  for (const headers of [
    [good, good],
    [good, bad],
    [bad, good],
    [good, "Basic YTpi"],
    ["Basic YTpi", good],
    [`${good}, ${good}`],
    [`${good},${good}`],
    [`${good}, ${bad}`],
    [`${bad}, ${good}`],
    [`${good},`],
    [`,${good}`],
  ]) {
    const { status, challenge = "" } = await sendHeaders(url, headers);
    const shown = headers.map((header) => header.replaceAll(token, "…"));
    if (status !== 401 || !challenge.startsWith("Bearer")) accepted.push(`${JSON.stringify(shown)}: ${status}`);
  }
  assert.deepEqual(accepted, []);
}

/**
 * Calls a route whose recipe has never reached the auth server.
 *
 * @param {string} url
 * @param {string} token
 * @param {number} [expected] its status, where it is not that of a server's failure
 */
export async function checkWithoutKeys(url, token, expected) {
  const { status } = await call(url, token);
  if (expected) assert.equal(status, expected);
  else assert.ok(status >= 500, `${status}`);
}

/** @param {string} url @param {string} token @param {unknown} subject */
async function assertAccepted(url, token, subject) {
  const { status, challenge, text } = await call(url, token);
  assert.equal(status, 200, `${challenge} ${text}`);
  assert.equal(JSON.parse(text).user, subject);
}

/** @param {string} url @param {string} token */
async function call(url, token) {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const challenge = response.headers.get("www-authenticate");
  const rejected = challenge !== null && isTokenRejected(response);
  return { status: response.status, challenge, rejected, text: await response.text() };
}

/** @param {string} token */
function headerOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
}

/** @param {string} token */
function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
