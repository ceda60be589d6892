import assert from "node:assert/strict";
import { test } from "node:test";

import { isTokenRejected } from "../../src/host/challenge.js";

/** @type {[status: number, challenge: string | null, isRejected: boolean][]} */
const RESPONSES = [
  [401, null, true],
  [401, "", true],
  [401, "Bearer", true],
  [401, 'Bearer error="invalid_token"', true],
  [401, 'bearer realm="x", error=invalid_token', true],
  [401, 'Basic realm="x", Bearer error="invalid_token"', true],
  [401, 'Bearer error="insufficient_scope"', false],
  [401, 'Bearer error="insufficient_user_authentication", max_age="5"', false],
  [401, 'Bearer error="insufficient_scope", error_description="not error=invalid_token"', false],
  [401, 'Basic realm="x"', false],
  [403, null, false],
  [200, "Bearer", false],
  [500, null, false],
];

for (const [status, challenge, isRejected] of RESPONSES) {
  test(`P23 a ${status} with the challenge ${challenge} ${isRejected ? "means" : "does not mean"} that the token is rejected`, () => {
    const headers = new Headers(challenge === null ? {} : { "www-authenticate": challenge });

    assert.equal(isTokenRejected({ status, headers }), isRejected);
  });
}
