/** The contract of calls and of `close`, for every session. */

import { eventsOf, outcome, tokenResponse } from "./world.mjs";

/** @typedef {import("./session.mjs").Case} Case */

/** @param {string} error */
function refusal(error) {
  return new Response("no", { status: 401, headers: { "www-authenticate": `Bearer error="${error}"` } });
}

/** @type {Case[]} */
export const CASES = [
  {
    title: "P21 P22 the token goes to listed origins and to nobody else, with the call as it is",
    expected: [
      ["GET", "/text", "Bearer a.token", ""],
      ["GET", "/url", "Bearer a.token", ""],
      ["POST", "/request", "Bearer a.token", "of a request"],
      ["PUT", "/init", "Bearer a.token", "text"],
      ["GET", "/other", null, ""],
    ],
    run: async ({ session, api }) => {
      await session.setTokens(tokenResponse("a"));
      const { fetch } = session;
      await fetch(`${api.listed}/text`);
      await fetch(new URL(`${api.listed}/url`));
      await fetch(new Request(`${api.listed}/request`, { method: "POST", body: "of a request" }));
      await fetch(`${api.listed}/init`, { method: "PUT", body: "text" });
      await fetch(`${api.other}/other`);
      return api.sent.map(({ method, url, authorization, body }) => [
        method,
        new URL(url).pathname,
        authorization,
        body,
      ]);
    },
  },
  {
    title: "P26 the caller's own Authorization header wins",
    expected: ["Basic b3du"],
    run: async ({ session, api }) => {
      await session.setTokens(tokenResponse("a"));
      api.answers = [refusal("invalid_token")];
      await session.fetch(api.listed, { headers: { Authorization: "Basic b3du" } });
      return api.sent.map(({ authorization }) => authorization);
    },
  },
  {
    title: "P23 P24 a refused token is replaced once, and the call sent again as it was",
    expected: { status: 200, bodies: ["text", "text"], tokens: 2, reasons: ["rejected"] },
    run: async ({ session, api, signUp }) => {
      await signUp();
      const events = eventsOf(session, "refresh");
      api.answers = [refusal("invalid_token")];
      const { status } = await session.fetch(api.listed, { method: "POST", body: "text" });
      return {
        status,
        bodies: api.sent.map(({ body }) => body),
        tokens: new Set(api.sent.map(({ authorization }) => authorization)).size,
        reasons: events.map(({ reason }) => reason),
      };
    },
  },
  {
    title: "P23 an API that refuses the new token too has the last word, unread",
    expected: { status: 401, used: false, sent: 2 },
    run: async ({ session, api, signUp }) => {
      await signUp();
      api.answers = [refusal("invalid_token"), refusal("invalid_token")];
      const { status, bodyUsed } = await session.fetch(api.listed);
      return { status, used: bodyUsed, sent: api.sent.length };
    },
  },
  {
    title: "P23 what another token cannot mend is handed on",
    expected: [401, 401, 1, 2],
    run: async ({ session, api, signUp }) => {
      await signUp();
      api.answers = [refusal("insufficient_scope")];
      const { status: scope } = await session.fetch(api.listed);
      const first = api.sent.length;
      api.answers = [refusal("insufficient_user_authentication")];
      const { status: age } = await session.fetch(api.listed);
      return [scope, age, first, api.sent.length];
    },
  },
  {
    title: "each call to a listed origin is an event",
    expected: [{ method: "GET", url: "https://api.example.com/notes", httpStatus: 200, retried: false, numbers: true }],
    run: async ({ session, api }) => {
      await session.setTokens(tokenResponse("a"));
      const events = eventsOf(session, "call");
      await session.fetch(`${api.listed}/notes?page=1`);
      await session.fetch(`${api.other}/notes`);
      return events.map(({ method, url, httpStatus, retried, waitedMs, tokenAgeMs, durationMs }) => {
        return { method, url, httpStatus, retried, numbers: waitedMs >= 0 && tokenAgeMs >= 0 && durationMs >= 0 };
      });
    },
  },
  {
    title: "P21 a network that fails is the platform's own error, and an event without a status",
    expected: { own: true, events: [{ httpStatus: null, retried: false }] },
    run: async ({ session, api }) => {
      await session.setTokens(tokenResponse("a"));
      const events = eventsOf(session, "call");
      const broken = new TypeError("Failed to fetch");
      api.answers = [broken];
      const own = await session.fetch(api.listed).catch((error) => error === broken);
      return { own, events: events.map(({ httpStatus, retried }) => ({ httpStatus, retried })) };
    },
  },
  {
    title: "P25 an aborted call is not sent",
    expected: { kept: true, sent: 0 },
    run: async ({ session, api }) => {
      await session.setTokens(tokenResponse("a"));
      const reason = new RangeError("enough");
      const kept = await session
        .fetch(api.listed, { signal: AbortSignal.abort(reason) })
        .catch((error) => error === reason || error.name);
      return { kept, sent: api.sent.length };
    },
  },
  {
    title: "P32 a listener that throws stops nobody, and one that was ended is not called",
    expected: { heard: ["signed_out", "signed_in"], ended: ["signed_out"] },
    run: async ({ session }) => {
      /** @type {string[]} */
      const heard = [];
      /** @type {string[]} */
      const ended = [];
      session.on("refresh", () => {
        throw new Error("a listener's own");
      });
      session.subscribe(({ state }) => ended.push(state))();
      session.subscribe(({ state }) => heard.push(state));
      await session.setTokens(tokenResponse("a"));
      return { heard, ended };
    },
  },
  {
    title: "what is no listener, and no event, is refused at once",
    expected: ["TypeError", "TypeError", "TypeError"],
    run: async ({ session }) => {
      const wrong = /** @type {never} */ ("wrong");
      return [
        () => session.subscribe(wrong),
        () => session.on("refresh", wrong),
        () => session.on(wrong, () => {}),
      ].map((call) => {
        try {
          return typeof call();
        } catch (error) {
          return error instanceof Error && error.name;
        }
      });
    },
  },
  {
    title: "P31 the trace has 64 transitions at most, each whole and without a secret",
    expected: { many: true, most: true, keys: true, secret: false, frozen: true },
    run: async ({ session }) => {
      for (let round = 0; round < 70; round++) await session.setTokens(tokenResponse("ada", `secret.${round}`));
      const trace = session.trace();
      const keys = ["atMs", "trigger", "status", "tab", "page", "attempt", "outcome"].sort().join();
      return {
        many: trace.length > 10,
        most: trace.length <= 64,
        keys: trace.every((step) => Object.keys(step).sort().join() === keys),
        secret: /secret|ada/.test(JSON.stringify(trace)),
        frozen: Object.isFrozen(trace),
      };
    },
  },
  {
    title: "P36 a session that was closed does nothing more, and says so",
    expected: { codes: Array(5).fill("closed"), waiting: "closed", heard: 1, left: 0, sent: 0 },
    run: async ({ session, api, signUp }) => {
      await signUp();
      let heard = 0;
      session.subscribe(() => heard++);
      const waiting = outcome(session.refresh({ force: true }));
      session.close();
      session.close();
      const calls = [
        () => session.getToken(),
        () => session.fetch(api.listed),
        () => session.refresh(),
        () => session.setTokens(tokenResponse("a")),
        () => session.signOut(),
      ];
      const codes = [];
      for (const call of calls) codes.push(await call().catch(({ code }) => code));
      const { code } = /** @type {{ code: string }} */ (await waiting);
      return { codes, waiting: code, heard, left: session.expiresIn, sent: api.sent.length };
    },
  },
];
