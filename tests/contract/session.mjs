/** The contract of state, tokens and endings, for every session; runs on pages and in Node. */

import { failureOf, eventsOf, nextRefresh, outcome, tokenResponse } from "./world.mjs";

/** @typedef {{ title: string, expected: unknown, run: (world: import("./world.mjs").World) => Promise<unknown> }} Case */

const REFUSED = { name: "SessionError", failure: null };

/** @type {Case[]} */
export const CASES = [
  {
    title: "P28 P29 a visitor is signed out without a reason, and gets an error in place of a token",
    expected: {
      status: { state: "signed_out", reason: null, serverNotified: true, failure: null },
      token: { ...REFUSED, code: "signed_out", reason: null },
      call: { ...REFUSED, code: "signed_out", reason: null },
      left: 0,
      sent: 0,
    },
    run: async ({ session, api }) => ({
      status: session.status,
      token: await outcome(session.getToken()),
      call: await outcome(session.fetch(api.listed)),
      left: session.expiresIn,
      sent: api.sent.length,
    }),
  },
  {
    title: "after a sign-in there is a user and a token, which stays the same while it is fresh",
    expected: { state: "signed_in", hasUser: true, failure: null, same: true, left: true },
    run: async ({ session, signUp }) => {
      await signUp();
      const { status } = session;
      const isIn = status.state === "signed_in";
      return {
        state: status.state,
        hasUser: isIn && typeof status.user.id === "string" && typeof status.sessionId === "string",
        failure: status.failure,
        same: (await session.getToken()) === (await session.getToken({ minValidityMs: 30 })),
        left: session.expiresIn > 50 && session.expiresIn <= 60,
      };
    },
  },
  {
    title: "P30 a new token alone changes nothing of the status, which is one frozen object",
    expected: { same: true, snapshot: true, frozen: true, told: ["signed_out", "signed_in"], renewed: true },
    run: async ({ session, signUp }) => {
      /** @type {string[]} */
      const told = [];
      session.subscribe(({ state }) => told.push(state));
      await signUp();
      const [before, token] = [session.status, await session.getToken()];
      await session.refresh({ force: true });
      return {
        same: session.status === before,
        snapshot: session.getSnapshot() === before,
        frozen: Object.isFrozen(before),
        told,
        renewed: (await session.getToken()) !== token,
      };
    },
  },
  {
    title: "P13 a forced refresh is an event with its reason",
    expected: [{ reason: "force", source: "this_tab", waiting: 1, numbers: true }],
    run: async ({ session, signUp }) => {
      await signUp();
      const events = eventsOf(session, "refresh");
      await session.refresh({ force: true });
      return events.map(({ reason, source, waiting, durationMs, expiresIn, refreshIn }) => {
        const numbers = durationMs >= 0 && expiresIn > 50 && refreshIn > 40 && refreshIn < expiresIn;
        return { reason, source, waiting, numbers };
      });
    },
  },
  {
    title: "P07 calls that find an old token wait for one refresh and get the same new one",
    expected: { refreshes: 1, tokens: 1, isNew: true },
    run: async ({ session, signUp, pass }) => {
      await signUp();
      const old = await session.getToken();
      const events = eventsOf(session, "refresh");
      await pass(70);
      const tokens = new Set(await Promise.all(Array.from({ length: 20 }, () => session.getToken())));
      return { refreshes: events.length, tokens: tokens.size, isNew: !tokens.has(old) };
    },
  },
  {
    title: "P28 a life that no token has is refused",
    expected: { ...REFUSED, code: "min_validity", reason: null },
    run: async ({ session, signUp }) => {
      await signUp();
      return outcome(session.getToken({ minValidityMs: 3_600_000 }));
    },
  },
  {
    title: "P25 a caller who gives up gets the signal's own reason",
    expected: { early: true, still: true },
    run: async ({ session, signUp }) => {
      await signUp();
      const reason = new RangeError("enough");
      const early = await session.refresh({ signal: AbortSignal.abort(reason) }).catch((error) => error === reason);
      return { early, still: typeof (await session.getToken()) === "string" };
    },
  },
  {
    title: "a session takes tokens, and signs in by a function that returns a token response or the Response",
    expected: ["a.token", "b.token", "c.token"],
    run: async ({ session }) => {
      const tokens = [];
      const ways = [
        () => session.setTokens(tokenResponse("a")),
        () => session.signIn(async () => tokenResponse("b")),
        () => session.signIn(async () => new Response(JSON.stringify(tokenResponse("c")))),
      ];
      for (const way of ways) {
        await way();
        tokens.push(await session.getToken());
      }
      return tokens;
    },
  },
  {
    title: "a token response without a usable token is refused, and what a sign-in function throws is passed on",
    expected: { codes: Array(7).fill("misconfigured"), thrown: true, state: "signed_out" },
    run: async ({ session }) => {
      const wrong = /** @type {import("nolapse").TokenResponse<{ id: string }>[]} */ (
        /** @type {unknown[]} */ ([
          {},
          null,
          { access_token: "" },
          { access_token: "two words", expires_in: 60 },
          { ...tokenResponse("a"), expires_in: 1 },
          { ...tokenResponse("a"), expires_in: 700_000 },
          { ...tokenResponse("a"), token_type: "mac" },
        ])
      );
      const codes = [];
      for (const one of wrong) codes.push(await session.setTokens(one).catch(({ code }) => code));
      const own = new EvalError("the app's own");
      const thrown = await session.signIn(() => Promise.reject(own)).catch((error) => error === own);
      return { codes, thrown, state: session.status.state };
    },
  },
  {
    title: "P19 another user is an event, the same one is none",
    expected: [{ user: { id: "b" }, previous: { id: "a" } }],
    run: async ({ session }) => {
      const events = eventsOf(session, "user_changed");
      await session.setTokens(tokenResponse("a"));
      await session.setTokens(tokenResponse("a", "a.second"));
      await session.setTokens(tokenResponse("b"));
      return events;
    },
  },
  {
    title: "P31 signing out is told once, with its reason and what led to it",
    expected: {
      told: [{ serverNotified: true }, { serverNotified: true }],
      status: { state: "signed_out", reason: "signed_out", serverNotified: true, failure: null },
      events: [{ reason: "signed_out", hasTrace: true }],
      token: { ...REFUSED, code: "signed_out", reason: "signed_out" },
    },
    run: async ({ session, signUp }) => {
      await signUp();
      const events = eventsOf(session, "signed_out");
      const told = [await session.signOut(), await session.signOut()];
      const seen = events.map(({ reason, trace }) => ({ reason, hasTrace: trace.length > 0 }));
      return { told, status: session.status, events: seen, token: await outcome(session.getToken()) };
    },
  },
  {
    title: "P08 P09 a failing server ends nothing, and takes no valid token away",
    expected: {
      refused: { name: "SessionError", code: "unreachable", reason: null, failure: "server_error" },
      during: ["signed_in", "server_error", true],
      events: [{ reason: "force", failure: "server_error", httpStatus: 503, failures: 1, retries: true }],
      after: ["signed_in", null, false],
    },
    run: async ({ session, signUp, outage }) => {
      await signUp();
      const token = await session.getToken();
      const events = eventsOf(session, "refresh_failed");
      const seen = async () => [session.status.state, session.status.failure, (await session.getToken()) === token];
      await outage(true);
      const refused = await outcome(session.refresh({ force: true }));
      const during = await seen();
      const failures = events.map(({ reason, failure, httpStatus, failures, retryInMs }) => {
        return { reason, failure, httpStatus, failures, retries: retryInMs > 0 };
      });
      await outage(false);
      await nextRefresh(session);
      return { refused, during, events: failures, after: await seen() };
    },
  },
  {
    title: "P49 a call without a token waits for a failing server, and the status has the failure at once",
    expected: { waits: ["server_error", 0], served: 3, left: true, after: ["signed_in", null] },
    run: async ({ session, api, signUp, pass, outage }) => {
      await signUp();
      await outage(true);
      await pass(70);
      let settled = 0;
      const calls = [session.getToken(), session.fetch(api.listed), session.refresh({ force: true })];
      for (const call of calls) call.finally(() => settled++).catch(() => undefined);
      const waits = [await failureOf(session), settled];
      await outage(false);
      const served = (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled").length;
      const { state, failure } = session.status;
      return { waits, served, left: session.expiresIn > 0, after: [state, failure] };
    },
  },
  {
    title: "P14 P31 a session that was revoked says so",
    expected: { state: "signed_out", reason: "revoked", events: ["revoked"], code: "signed_out", why: "revoked" },
    run: async ({ session, signUp, revoke }) => {
      await signUp();
      const events = eventsOf(session, "signed_out");
      await revoke();
      await session.refresh({ force: true }).catch(() => undefined);
      const error = await session.getToken().catch((error) => error);
      const { status } = session;
      return {
        state: status.state,
        reason: status.state === "signed_out" && status.reason,
        events: events.map(({ reason }) => reason),
        code: error.code,
        why: error.reason,
      };
    },
  },
];
