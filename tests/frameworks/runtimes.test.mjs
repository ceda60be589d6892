import assert from "node:assert/strict";
import { test } from "node:test";

import { signUp } from "../apis/auth.mjs";
import { newBrowser, PAGE } from "../apis/jar.mjs";
import { checkRoute, compileRecipe } from "../apis/recipes.mjs";
import { SECRET, SERVER_ENV } from "../docs/rendering.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { RUNTIMES, serve } from "./runtimes.mjs";

/**
 * A server that reads sessions and, from the first request for it, follows revocations.
 *
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {import("./runtimes.mjs").Runtime} runtime
 * @param {number} port
 */
function sessionsOf({ auth, api }, runtime, port) {
  const options = JSON.stringify({ issuer: auth, audience: api, secret: SECRET });
  const following = JSON.stringify({ issuer: auth, audience: api, revocations: { secret: SECRET } });
  return `
    import { createSessionReader, createVerifier, isVerifyError } from "nolapse/server";
    const { getSession } = createSessionReader(${options});
    let verifier;
    const heard = [];
    const follow = () => {
      verifier = createVerifier(${following});
      verifier.onRevoked(({ sid }) => heard.push(sid));
    };
    const answers = {
      "/session": async (request) => {
        const { state, user, token = null } = await getSession(request);
        return { state, email: user?.email ?? null, token };
      },
      "/live": async () => (verifier ?? follow(), { ...verifier.live(), heard }),
      "/judge": async (request) => verifier.verify(request).then(() => "accepted", (error) => isVerifyError(error) && error.code),
    };
    const answer = async (request) => Response.json((await answers[new URL(request.url).pathname]?.(request)) ?? null);
    ${exportsOf(runtime, port)}
  `;
}

/**
 * What a module exports that answers. In Workers a Durable Object can follow revocations; a module cannot, because what one
 * request opened is not another's.
 *
 * @param {import("./runtimes.mjs").Runtime} runtime
 * @param {number} port
 */
function exportsOf(runtime, port) {
  if (runtime !== "Workers") return `export default { port: ${port}, fetch: answer };`;
  return `
    export class Api { fetch(request) { return answer(request); } }
    const isOfOne = (request) => new URL(request.url).pathname === "/session";
    export default { fetch: (request, { API }) => isOfOne(request) ? answer(request) : API.get(API.idFromName("one")).fetch(request) };
  `;
}

for (const runtime of RUNTIMES) {
  test(`P46 ${runtime} lets in who has a token, and challenges all others`, async (t) => {
    const server = await startServer(t);
    const origin = await serve(t, runtime, (port) => compileRecipe("fetch", server, port));

    await checkRoute(`${origin}/me`, server);
  });

  test(`part4 ${runtime} reads sessions by the page cookie and by a look-up`, async (t) => {
    const server = await startServer(t, SERVER_ENV);
    const [browser, origin] = await Promise.all([
      newBrowser(server.auth),
      serve(t, runtime, (port) => sessionsOf(server, runtime, port)),
    ]);
    /** @param {string} cookie */
    const read = async (cookie) => (await fetch(`${origin}/session`, { headers: { cookie } })).json();
    const { email } = browser;

    const byPage = await read(browser.header());
    assert.deepEqual(byPage, { state: "signed_in", email, token: browser.get(PAGE) });
    assert.equal((await server.counters()).look_ups_live, undefined);
    const byLookUp = await read(browser.header([PAGE]));
    assert.deepEqual({ ...byLookUp, token: null }, { state: "signed_in", email, token: null });
    assert.equal((await server.counters()).look_ups_live, 1);
    assert.deepEqual(await read(""), { state: "signed_out", email: null, token: null });
    await server.stop();
    assert.deepEqual(await read(browser.header([PAGE])), { state: "unknown", email: null, token: null });
  });

  test(`P56 ${runtime} refuses what was revoked`, async (t) => {
    const server = await startServer(t, SERVER_ENV);
    const [user, origin] = await Promise.all([
      signUp(server),
      serve(t, runtime, (port) => sessionsOf(server, runtime, port)),
    ]);
    /** @param {string} path */
    const ask = async (path) => {
      const response = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${user.token}` } });
      return response.json();
    };
    await until("the feed is live", async () => (await ask("/live")).live);
    assert.equal(await ask("/judge"), "accepted");

    const { sid } = JSON.parse(Buffer.from(user.token.split(".")[1] ?? "", "base64url").toString());
    await server.pull("session", { session_id: sid, change: "revoke" });

    await until("the token is refused", async () => (await ask("/judge")) === "revoked");
    assert.deepEqual((await ask("/live")).heard, [sid]);
  });
}
