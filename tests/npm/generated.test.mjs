import assert from "node:assert/strict";
import { test } from "node:test";

import { staleFiles } from "../../pkg-template/tools/generate.mjs";

test("the generated files are those of their sources", async () => {
  assert.deepEqual(await staleFiles(), [], "`npm run generate` writes them");
});
