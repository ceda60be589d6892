/** What every session does, in words that a page and Node both run: state, tokens, endings. */

import { degradation, eventsOf, nextRefresh, outcome, tokenResponse } from "./world.mjs";

/** @typedef {{ title: string, expected: unknown, run: (world: import("./world.mjs").World) => Promise<unknown> }} Case */

const REFUSED = { name: "SessionError", failure: null };

/** @type {Case[]} */
export const CASES = [
  {
    title: "P28 P29 a visitor is signed out without a reason, and gets an error in place of a token",
    expected: {
      status: { state: "signed-out", reason: null, serverTold: true, degraded: false },
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
    expected: { state: "signed-in", hasUser: true, degraded: false, same: true, left: true },
    run: async ({ session, signUp }) => {
      await signUp();
      const { status } = session;
      const isIn = status.state === "signed-in";
      return {
        state: status.state,
        hasUser: isIn && typeof status.user.id === "string" && typeof status.sessionId === "string",
        degraded: status.degraded,
        same: (await session.getToken()) === (await session.getToken({ minValidity: 30 })),
        left: session.expiresIn > 50 && session.expiresIn <= 60,
      };
    },
  },
  {
    title: "P30 a new token alone changes nothing of the status, which is one frozen object",
    expected: { same: true, snapshot: true, frozen: true, told: ["signed-out", "signed-in"], renewed: true },
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
    expected: [{ reason: "force", source: "this-tab", waiting: 1, numbers: true }],
    run: async ({ session, signUp }) => {
      await signUp();
      const events = eventsOf(session, "refresh");
      await session.refresh({ force: true });
      return events.map(({ reason, source, waiting, duration, expiresIn, refreshIn }) => {
        const numbers = duration >= 0 && expiresIn > 50 && refreshIn > 40 && refreshIn < expiresIn;
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
      return outcome(session.getToken({ minValidity: 3_600 }));
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
    title: "adopt takes an answer, a function that gives one, and one that gives the response",
    expected: ["a.token", "b.token", "c.token"],
    run: async ({ session }) => {
      const tokens = [];
      const sources = [
        tokenResponse("a"),
        async () => tokenResponse("b"),
        async () => new Response(JSON.stringify(tokenResponse("c"))),
      ];
      for (const source of sources) {
        await session.adopt(source);
        tokens.push(await session.getToken());
      }
      return tokens;
    },
  },
  {
    title: "adopt refuses what holds no usable token, and hands on what its function throws",
    expected: { codes: Array(7).fill("misconfigured"), thrown: true, state: "signed-out" },
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
      for (const one of wrong) codes.push(await session.adopt(one).catch(({ code }) => code));
      const own = new EvalError("the app's own");
      const thrown = await session.adopt(() => Promise.reject(own)).catch((error) => error === own);
      return { codes, thrown, state: session.status.state };
    },
  },
  {
    title: "P19 another user is an event, the same one is none",
    expected: [{ user: { id: "b" }, previous: { id: "a" } }],
    run: async ({ session }) => {
      const events = eventsOf(session, "user-changed");
      await session.adopt(tokenResponse("a"));
      await session.adopt(tokenResponse("a", "a.second"));
      await session.adopt(tokenResponse("b"));
      return events;
    },
  },
  {
    title: "P31 signing out is told once, with its reason and what led to it",
    expected: {
      told: [{ serverTold: true }, { serverTold: true }],
      status: { state: "signed-out", reason: "signed_out", serverTold: true, degraded: false },
      events: [{ reason: "signed_out", hasTrace: true }],
      token: { ...REFUSED, code: "signed_out", reason: "signed_out" },
    },
    run: async ({ session, signUp }) => {
      await signUp();
      const events = eventsOf(session, "signed-out");
      const told = [await session.signOut(), await session.signOut()];
      const seen = events.map(({ reason, trace }) => ({ reason, hasTrace: trace.length > 0 }));
      return { told, status: session.status, events: seen, token: await outcome(session.getToken()) };
    },
  },
  {
    title: "P08 P09 a server in trouble ends nothing, and takes no valid token away",
    expected: {
      refused: { name: "SessionError", code: "unreachable", reason: null, failure: "server_error" },
      during: ["signed-in", "server_error", true],
      events: [{ reason: "force", cause: "server_error", httpStatus: 503, failures: 1, retries: true }],
      after: ["signed-in", false, false],
    },
    run: async ({ session, signUp, outage }) => {
      await signUp();
      const token = await session.getToken();
      const events = eventsOf(session, "refresh-failed");
      const seen = async () => [session.status.state, session.status.degraded, (await session.getToken()) === token];
      await outage(true);
      const refused = await outcome(session.refresh({ force: true }));
      const during = await seen();
      const failures = events.map(({ reason, cause, httpStatus, failures, retryIn }) => {
        return { reason, cause, httpStatus, failures, retries: retryIn > 0 };
      });
      await outage(false);
      await nextRefresh(session);
      return { refused, during, events: failures, after: await seen() };
    },
  },
  {
    title: "P49 a call without a token waits for a server in trouble, which the status tells at once",
    expected: { waits: ["server_error", 0], served: 3, left: true, after: ["signed-in", false] },
    run: async ({ session, api, signUp, pass, outage }) => {
      await signUp();
      await outage(true);
      await pass(70);
      let settled = 0;
      const calls = [session.getToken(), session.fetch(api.listed), session.refresh({ force: true })];
      for (const call of calls) call.finally(() => settled++).catch(() => undefined);
      const cause = await degradation(session);
      const waits = [cause, settled];
      await outage(false);
      const served = (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled").length;
      const { state, degraded } = session.status;
      return { waits, served, left: session.expiresIn > 0, after: [state, degraded] };
    },
  },
  {
    title: "P14 P31 a session that was revoked says so",
    expected: { state: "signed-out", reason: "revoked", events: ["revoked"], code: "signed_out", why: "revoked" },
    run: async ({ session, signUp, revoke }) => {
      await signUp();
      const events = eventsOf(session, "signed-out");
      await revoke();
      await session.refresh({ force: true }).catch(() => undefined);
      const error = await session.getToken().catch((error) => error);
      const { status } = session;
      return {
        state: status.state,
        reason: status.state === "signed-out" && status.reason,
        events: events.map(({ reason }) => reason),
        code: error.code,
        why: error.reason,
      };
    },
  },
];
