/** The decisions of sign-in through a provider: they are in a script that is loaded for it, so their tests are here. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { countRedirect, readTimes } from "../../src/host/redirects.js";
import {
  pendingSignOut,
  providerError,
  resultIn,
  returningTo,
  sessionIn,
  signedInElsewhere,
} from "../../src/host/sign-in-result.js";

const NOW = 1_800_000_000_000;

test("P50 three redirects a minute, and the fourth has to wait for the first to be a minute old", () => {
  /** @type {number[]} */
  let times = [];
  const outcomes = [0, 1_000, 20_000, 30_000, 59_999, 60_000, 60_001, 61_000].map((after) => {
    const counted = countRedirect(times, NOW + after);
    times = counted.times;
    return counted.retryInMs;
  });

  assert.deepEqual(outcomes, [0, 0, 0, 30_000, 1, 0, 999, 0]);
});

test("P50 a random page never goes to a provider more than three times within a minute", (t) => {
  const seed = Number(process.env.SEED ?? Date.now());
  t.diagnostic(`seed ${seed}`);
  const random = generator(seed);
  /** @type {number[]} */
  const gone = [];
  let text = "";
  for (let now = NOW; gone.length < 300; now += Math.floor(random() * 30_000)) {
    const { times, retryInMs } = countRedirect(readTimes(text), now);
    text = times.join(" ");
    if (retryInMs === 0) gone.push(now);
    else assert.equal(countRedirect(times, now + retryInMs).retryInMs, 0, `seed ${seed}: it may after retryInMs`);
  }

  for (const [index, at] of gone.entries()) {
    assert.ok(!(at - (gone[index - 3] ?? Number.NEGATIVE_INFINITY) < 60_000), `seed ${seed}: ${gone.slice(index - 3)}`);
  }
});

test("a clock that is set back does not keep a user out", () => {
  const { times } = countRedirect([NOW, NOW + 1, NOW + 2], NOW - 3_600_000);

  assert.deepEqual(times, [NOW - 3_600_000]);
});

test("what is no list of times counts for nothing", () => {
  for (const text of [null, undefined, "", "x", "1e999 -4 NaN", "[1,2]"]) assert.deepEqual(readTimes(text), []);
});

for (const href of [
  "https://a.example/",
  "https://a.example/p?q=%20+&r#s?t=u",
  "https://a.example/?my_nolapse_error=1",
  "https://a.example/#?nolapse_error=1",
]) {
  test(`P50 the result of a redirect is taken from ${href}, and the rest stays as it is`, () => {
    const returned = returningTo(href, "key");
    const failed = returned.replace(/(?=#|$)/, "&nolapse_error=provider_denied&nolapse_provider=x");

    assert.deepEqual(resultIn(returned, "key"), { error: null, provider: "", cleaned: href });
    assert.deepEqual(resultIn(failed, "key"), { error: "provider_denied", provider: "x", cleaned: href });
    assert.equal(returningTo(failed, "key"), returned, "an earlier result is replaced");
  });
}

test("P50 a session does not take the result of another one, nor one that nobody asked for", () => {
  assert.equal(resultIn(returningTo("https://a.example/", "other"), "key"), undefined);
  for (const query of ["", "?nolapse_error=provider_denied", "?nolapse_session=", "?nolapse_session"])
    assert.equal(resultIn(`https://a.example/${query}`, "key"), undefined, query);
});

test("an error that nobody knows is a failure of the provider", () => {
  assert.equal(providerError("account_exists")[0], "account_exists");
  for (const made of ["<b>", "toString", "__proto__", undefined, 7])
    assert.equal(providerError(made)[0], "provider_failed");
});

test("a record after a sign-in elsewhere is of the next version, whatever it was", () => {
  /** @type {[before: string, version: number][]} */
  const records = [
    ["", 1],
    ["nolapse1;7;out;signed_out;3;1;0", 8],
    ["nolapse1;7;in;1700000000000;3;network;1;2;3;0;4", 8],
    ["nolapse1;2000001;in;1;2", 1],
    ["nolapse1;99999999999;in;1;2", 1],
    ["?!", 1],
  ];
  for (const [before, version] of records)
    assert.equal(signedInElsewhere(before), `nolapse1;${version};in;0;0`, before);
});

test("a sign-out that the auth server does not know of is found in the record", () => {
  assert.deepEqual(pendingSignOut("nolapse1;7;out;signed_out;3;0;0"), { everywhere: false });
  assert.deepEqual(pendingSignOut("nolapse1;7;out;signed_out;3;0;1"), { everywhere: true });
  for (const record of ["", "?", "nolapse1;7;out;signed_out;3;1;0", "nolapse1;7;in;1;0"])
    assert.equal(pendingSignOut(record), undefined, record);
  assert.equal(sessionIn("nolapse1;7;in;1;42"), "42");
  assert.equal(sessionIn("nolapse1;7;out;signed_out;42;1;0"), "");
});

/** A small generator (mulberry32). @param {number} seed */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
