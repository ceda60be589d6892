import assert from "node:assert/strict";
import { test } from "node:test";

import { CurrentTokens } from "../../src/host/bearer.js";

/** Both clocks of a page, in milliseconds. */
function clocks() {
  const page = { steady: 1_000, wall: 1_700_000_000_000 };
  const realm = { performance: { now: () => page.steady }, Date: { now: () => page.wall } };
  const tokens = new CurrentTokens(/** @type {never} */ (realm));
  tokens.replace(3, "a.b.c org d.e.f", 50_000, 2_000);
  return { page, tokens };
}

test("tokens can be sent as long as the machine said, and each has its context", () => {
  const { page, tokens } = clocks();

  assert.deepEqual([tokens.left, tokens.age], [50_000, 2_000]);
  assert.deepEqual([tokens.all.get("")?.header, tokens.all.get("org")?.token], ["Bearer a.b.c", "d.e.f"]);
  page.steady += 49_999;
  page.wall += 49_999;
  assert.deepEqual([tokens.left, tokens.age], [1, 51_999]);
  page.steady += 1;
  assert.equal(tokens.left, 0);
});

test("P03 either clock can end the time: one stops during a suspension, the other one is set", () => {
  for (const [steady, wall, isLeft] of /** @type {const} */ ([
    [10, 3_600_000, false],
    [49_000, 10, true],
    [51_000, 10, false],
    [10, 49_000, true],
    [10, -1, false],
    [10, -3_600_000, false],
  ])) {
    const { page, tokens } = clocks();
    page.steady += steady;
    page.wall += wall;
    assert.equal(tokens.left > 0, isLeft, `${steady} ${wall}`);
  }
});

test("without a token, or when the machine has taken it back, nothing can be sent", () => {
  const { tokens } = clocks();

  tokens.replace(3, "", Number.NaN, Number.NaN);
  assert.equal(tokens.left > 0, false);
  assert.equal(tokens.all.get("")?.token, "");
  const none = new CurrentTokens(/** @type {never} */ ({ performance, Date }));
  assert.equal(none.left > 0, false);
});
