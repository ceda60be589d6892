import assert from "node:assert/strict";
import { test } from "node:test";

import { isBundleFresh } from "../../pkg-template/tools/bundle.mjs";

test("the crate's bundle is that of its scripts", async () => {
  assert.ok(await isBundleFresh(), "npm run fmt makes it anew");
});
