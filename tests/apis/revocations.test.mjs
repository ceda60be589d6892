import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "../e2e/harness/until.mjs";
import { event, LIVE, revokedSession, SECRET, startFeed, streamOf } from "./feed-server.mjs";
import { importServer } from "./package.mjs";
import { AUDIENCE, forge, ISSUER, jwkOf, NOW } from "./tokens.mjs";

/**
 * Creates a verifier that follows a feed, as of {@link NOW}.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} url
 */
async function following(t, url) {
  const { createVerifier } = await importServer(t);
  t.mock.timers.enable({ apis: ["Date"], now: NOW * 1_000 });
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwks: { keys: [jwkOf()] },
    revocations: { secret: SECRET, url },
  });
  t.after(() => verifier.close());
  /** @param {{ [name: string]: unknown }} [claims] */
  const judge = (claims) =>
    verifier.verify(forge({}, claims)).then(
      () => "accepted",
      ({ code }) => code,
    );
  const isLive = () => until("the feed is live", () => verifier.live().live);
  return { verifier, judge, isLive };
}

test("P56 a revoked session is refused by nolapse/server, after the signature, and no other", async (t) => {
  const { url, asked } = await startFeed(t, streamOf(revokedSession("s1", 7), LIVE));
  const { verifier, judge, isLive } = await following(t, url);
  await isLive();

  assert.equal(await judge({ sid: "s1" }), "revoked");
  assert.equal(await judge({ sid: "s2" }), "accepted");
  const [header, claims] = forge({}, { sid: "s1" }).split(".");
  await assert.rejects(verifier.verify(`${header}.${claims}.${"A".repeat(86)}`), { code: "signature" });
  const request = new Request(AUDIENCE, { headers: { authorization: `Bearer ${forge({}, { sid: "s1" })}` } });
  const error = await verifier.verify(request).catch((error) => error);
  assert.deepEqual([error.status, error.challenge], [401, 'Bearer error="invalid_token"']);
  assert.equal(asked[0]?.authorization, `Bearer ${SECRET}`);
  assert.equal(asked[0]?.["last-event-id"], undefined);
  assert.ok(!JSON.stringify(verifier).includes(SECRET));
});

test("P56 a revoked user's tokens of before are refused by nolapse/server, and later ones are not", async (t) => {
  const at = NOW * 1_000 - 10_500;
  const { url } = await startFeed(t, streamOf(event("revoked", { sub: "eve", at, expires_in: 90 }), LIVE));
  const { judge, isLive } = await following(t, url);
  await isLive();

  for (const [iat, expected] of /** @type {[number, string][]} */ ([
    [NOW - 30, "revoked"],
    [NOW - 11, "revoked"],
    // Clocks of two auth servers may differ by five seconds.
    [NOW - 6, "revoked"],
    [NOW - 5, "accepted"],
    [NOW, "accepted"],
  ]))
    assert.equal(await judge({ sub: "eve", iat, nbf: iat }), expected, `${iat - NOW}`);
  assert.equal(await judge({ sub: "ada", iat: NOW - 30, nbf: NOW - 30 }), "accepted");
});

test("P56 a stream is read as WHATWG HTML has it, however it is spelt and cut", async (t) => {
  const text = [
    "\ufeff: a comment\n\n",
    'event:revoked\r\nid:1\r\ndata:{\r\ndata: "sid":"crlf","at":0,\r\ndata:"expires_in":9}\r\n\r\n',
    'event: revoked\rid: 2\rdata: {"sid":"ünï","at":0,"expires_in":9}\r\r',
    "retry: 1\nunknown: field\nevent\ndata\n\n",
    "event: of another kind\ndata: {}\n\n",
    "event: revoked\n\n",
    revokedSession("last"),
    LIVE,
  ].join("");
  const bytes = Buffer.from(text);
  const one = await startFeed(t, streamOf(...Array.from(bytes, (byte) => Buffer.from([byte]))));
  const all = await startFeed(t, streamOf(bytes));
  for (const { url } of [one, all]) {
    const { judge, isLive, verifier } = await following(t, url);
    await isLive();
    for (const sid of ["crlf", "ünï", "last"]) assert.equal(await judge({ sid }), "revoked", sid);
    verifier.close();
    t.mock.timers.reset();
  }
});

test("P56 feeds that lie refuse no token, are not believed, and learn no secret of another's", async (t) => {
  const elsewhere = await startFeed(t, streamOf(revokedSession("s"), LIVE));
  const { url, told, open } = await startFeed(t, streamOf());
  /** @type {[string, import("./feed-server.mjs").Answer][]} */
  const table = [
    ["another origin", (response) => response.writeHead(307, { location: elsewhere.url }).end()],
    ["the same origin", (response) => response.writeHead(302, { location: "/elsewhere" }).end()],
    ["another type", (response) => response.writeHead(200, { "content-type": "text/html" }).end(LIVE)],
    ["no type", (response) => response.writeHead(200).end(LIVE)],
    ["another status", (response) => response.writeHead(201, { "content-type": "text/event-stream" }).end(LIVE)],
    ["refused", (response) => response.writeHead(401).end("{}")],
    ["failing", (response) => response.writeHead(500).end(LIVE)],
    ["cut off", (response) => response.destroy()],
    [
      "an endless line",
      streamOf(
        LIVE,
        "data: ",
        ..."x"
          .repeat(100)
          .split("")
          .map((x) => x.repeat(1_000)),
      ),
    ],
    [
      "an endless event",
      streamOf(
        LIVE,
        ..."x"
          .repeat(100)
          .split("")
          .map((x) => `data: ${x.repeat(1_000)}\n`),
      ),
    ],
    ["no UTF-8", streamOf(LIVE, Buffer.from([0x64, 0xff, 0xfe, 0x0a]))],
    ["no JSON", streamOf(LIVE, "event: revoked\ndata: {sid}\n\n")],
    ...[null, [], {}, "s", 1, { sid: "s" }, { sid: 1, at: 1, expires_in: 1 }, { sid: "", at: 1, expires_in: 1 }].map(
      (data) =>
        /** @type {[string, import("./feed-server.mjs").Answer]} */ ([
          JSON.stringify(data),
          streamOf(LIVE, event("revoked", data)),
        ]),
    ),
    ...[
      { sid: "s", sub: "u", at: 1, expires_in: 1 },
      { sid: "s", at: -1, expires_in: 1 },
      { sid: "s", at: 1, expires_in: 1.5 },
      { sid: "s", at: 1, expires_in: "60" },
      { sid: "s", at: 1e300, expires_in: 60 },
      { sid: "s".repeat(300), at: 1, expires_in: 60 },
      { other: "s", at: 1, expires_in: 60 },
    ].map(
      (data) =>
        /** @type {[string, import("./feed-server.mjs").Answer]} */ ([
          JSON.stringify(data),
          streamOf(LIVE, event("revoked", data)),
        ]),
    ),
    ["not live", streamOf(event("live", { live: "yes" }))],
    ["nothing", streamOf()],
  ];
  for (const [name, answer] of table) {
    let asked = 0;
    told.answer = (response, request) => {
      asked += 1;
      answer(response, request);
    };
    const { verifier, judge } = await following(t, url);
    await until(`${name} was asked`, () => asked > 0);
    await until(`${name} is not live`, () => !verifier.live().live && (asked > 1 || open.size > 0));
    assert.equal(await judge({ sid: "s", sub: "u" }), "accepted", name);
    verifier.close();
    t.mock.timers.reset();
    await until(`${name} is closed`, () => open.size === 0);
  }
  assert.equal(elsewhere.asked.length, 0);
});

test("P56 a feed that was lost is resumed by the last id, and what is known stays revoked", async (t) => {
  const { url, told, asked, open } = await startFeed(t, streamOf(revokedSession("s1", 41), revokedSession("s2"), LIVE));
  const { judge, isLive, verifier } = await following(t, url);
  /** @type {string[]} */
  const heard = [];
  verifier.onRevoked(({ sid }) => heard.push(`${sid}`));
  await isLive();

  told.answer = (response) => response.writeHead(503, { "retry-after": "1" }).end();
  for (const response of open) response.destroy();
  await until("the loss is seen", () => !verifier.live().live);
  assert.deepEqual([await judge({ sid: "s1" }), await judge({ sid: "s3" })], ["revoked", "accepted"]);
  await until("the server was asked again", () => asked.length > 1);
  const before = asked.length;
  const refusedAt = performance.now();
  told.answer = streamOf(revokedSession("s2", 42), revokedSession("s3", 43), LIVE);
  await isLive();

  assert.ok(performance.now() - refusedAt > 500, "it waits as it is asked to");
  assert.equal(asked.length, before + 1);
  assert.equal(asked.at(-1)?.["last-event-id"], "1");
  assert.equal(await judge({ sid: "s3" }), "revoked");
  assert.deepEqual(heard, ["s1", "s2", "s3"], "each once");
});

test("P56 revocations are forgotten by this machine's steady clock, and a silent stream is lost", async (t) => {
  const { url, open } = await startFeed(t, streamOf(revokedSession("s", 1), LIVE));
  let skipped = 0;
  const steady = performance.now.bind(performance);
  t.mock.method(performance, "now", () => steady() + skipped);
  const { judge, isLive, verifier } = await following(t, url);
  await isLive();
  // The machine's clock is set a year back and forth: neither changes anything.
  t.mock.timers.setTime((NOW + 59) * 1_000);
  assert.equal(await judge({ sid: "s" }), "revoked");

  const [first] = open;
  skipped = 16_000;
  await until("the silent stream is given up", () => !open.has(/** @type {never} */ (first)));
  await isLive();
  skipped = 89_000;
  assert.equal(await judge({ sid: "s" }), "revoked");
  verifier.close();
  skipped = 16_000 + 93_000;
  assert.equal(await judge({ sid: "s" }), "accepted", "no token of before is left");
});

test("P56 listeners hear of each revocation until they leave, and a closed verifier asks for none", async (t) => {
  const { url, open, asked } = await startFeed(t, streamOf(revokedSession("s1", 1), LIVE));
  const { judge, isLive, verifier } = await following(t, url);
  /** @type {unknown[]} */
  const heard = [];
  const leave = verifier.onRevoked((revocation) => heard.push(revocation));
  await isLive();
  assert.deepEqual(heard, [{ sid: "s1", at: 1_800_000_000_000 }]);
  leave();
  for (const response of open) response.write(revokedSession("s2", 2));
  await until("the second is known", async () => (await judge({ sid: "s2" })) === "revoked");
  assert.equal(heard.length, 1);

  verifier.close();
  await until("the stream is closed", () => open.size === 0);
  assert.equal(verifier.live().live, false);
  assert.equal(await judge({ sid: "s1" }), "revoked");
  assert.equal(asked.length, 1);
});

test("part3 options that cannot be meant are refused by their names, without the secret", async (t) => {
  const { createVerifier } = await importServer(t);
  const options = { issuer: ISSUER, audience: AUDIENCE };
  for (const [revocations, name] of /** @type {[object, RegExp][]} */ ([
    [{}, /revocations\.secret/],
    [{ secret: "short" }, /revocations\.secret/],
    [{ secret: `${SECRET}\r\nx: y` }, /revocations\.secret/],
    [{ secret: SECRET, url: "http://auth.example.com/auth/revocations" }, /revocations\.url/],
    [{ secret: SECRET, url: `https://user:${SECRET}@auth.example.com/` }, /revocations\.url/],
    [{ secret: SECRET, url: 1 }, /revocations\.url/],
  ]))
    assert.throws(
      () => createVerifier({ ...options, revocations: /** @type {never} */ (revocations) }),
      (error) => error instanceof TypeError && name.test(error.message) && !error.message.includes(SECRET),
    );
  const verifier = createVerifier(options);
  assert.deepEqual(verifier.live(), { live: false, since: null });
  assert.throws(() => verifier.onRevoked(() => {}), /revocations/);
  verifier.close();
});

test("P56 an id that no header can have is not sent back, and stops nothing", async (t) => {
  const { told, asked, open, url } = await startFeed(
    t,
    streamOf(LIVE, revokedSession("s1", "ü"), revokedSession("s2", "a\u0001")),
  );
  const { judge, isLive } = await following(t, url);
  await isLive();
  await until("both are refused", async () => (await judge({ sid: "s2" })) === "revoked");

  told.answer = streamOf(LIVE, revokedSession("s3", 2));
  for (const response of open) response.destroy();

  await until("the stream is opened again", async () => (await judge({ sid: "s3" })) === "revoked");
  assert.equal(asked[1]?.["last-event-id"], "1");
});
