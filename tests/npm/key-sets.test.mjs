import assert from "node:assert/strict";
import { test } from "node:test";

import { cachedKeys, refetchedKeys } from "../../pkg-template/verify/key-sets.js";
import { startKeyServer } from "../e2e/harness/key-server.mjs";

const SET = '{"keys":[]}';

test("line 16: a key set is cached for five minutes, or for what it says where that is less", async (t) => {
  for (const [header, life] of /** @type {[string, number][]} */ ([
    ["", 300],
    ["max-age=3600", 300],
    ["public, max-age=60", 60],
    ['Max-Age="45", public', 45],
    ["max-age=0", 10],
    ["no-store", 10],
    ["max-age=soon", 300],
  ])) {
    const { told, pass, url } = await startKeyServer(t, SET);
    told.headers = header ? { "cache-control": header } : {};
    for (const [seconds, asked] of /** @type {[number, number][]} */ ([
      [0, 1],
      [life - 1, 1],
      [1, 2],
      [life - 1, 2],
    ])) {
      pass(seconds);
      assert.equal(await cachedKeys(url), SET);
      assert.equal(told.asked, asked, `${header} after ${seconds} s more`);
    }
    t.mock.restoreAll();
  }
});

test("line 16: many callers cause one request, and an unknown key one in ten seconds", async (t) => {
  const { told, pass, url } = await startKeyServer(t, SET);

  await Promise.all(Array.from({ length: 50 }, () => cachedKeys(url)));
  assert.equal(told.asked, 1);
  assert.equal(await refetchedKeys(url), undefined, "it was fetched a moment ago");
  pass(10);
  const newer = await Promise.all(Array.from({ length: 50 }, () => refetchedKeys(url)));
  assert.equal(newer.filter((text) => text === SET).length, 50);
  assert.equal(told.asked, 2);
});

test("line 16: while the server is away the last keys go on for a day, without a storm", async (t) => {
  const { told, pass, url } = await startKeyServer(t, SET);
  await cachedKeys(url);
  Object.assign(told, { status: 503, body: "" });

  for (let minutes = 5; minutes < 24 * 60; minutes += 60) {
    pass(minutes === 5 ? 300 : 3_600);
    for (let call = 0; call < 20; call += 1) assert.equal(await cachedKeys(url), SET);
  }
  assert.ok(told.asked <= 25, `${told.asked} requests`);
  pass(3_600);
  await assert.rejects(cachedKeys(url));
  Object.assign(told, { status: 200, body: SET });
  pass(10);
  assert.equal(await cachedKeys(url), SET);
});

test("line 16: redirects, other statuses and large answers are no key sets", async (t) => {
  const elsewhere = await startKeyServer(t, SET);
  t.mock.restoreAll();
  for (const wrong of [
    { status: 302, headers: { location: elsewhere.url } },
    { status: 308, headers: { location: elsewhere.url } },
    { status: 404 },
    { status: 500 },
    { body: `{"pad":"${"x".repeat(70_000)}","keys":[]}` },
    { body: Buffer.from([0x7b, 0xff, 0x7d]) },
  ]) {
    const { told, url } = await startKeyServer(t, SET);
    Object.assign(told, wrong);
    await assert.rejects(cachedKeys(url), JSON.stringify(wrong).slice(0, 80));
    t.mock.restoreAll();
  }
  assert.equal(elsewhere.told.asked, 0);
});

test("line 16: only https and this machine are asked", async () => {
  for (const url of [
    "http://auth.example.com/keys",
    "http://127.0.0.1.example.com/keys",
    "http://localhost.example.com/keys",
    "ftp://localhost/keys",
    "data:application/json,{}",
    "blob:https://auth.example.com/1",
  ])
    await assert.rejects(cachedKeys(url), /must begin with https/, url);
  await assert.rejects(cachedKeys("https://ada:secret@auth.example.com/"), (error) => {
    assert.ok(error instanceof Error && !error.message.includes("secret"));
    return true;
  });
  await assert.rejects(cachedKeys("/keys"));
});
