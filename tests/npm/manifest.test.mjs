import assert from "node:assert/strict";
import { test } from "node:test";

import { publint } from "publint";
import { formatMessage } from "publint/utils";

import { tool } from "../tools/process.mjs";
import { INSTALLED, TARBALL } from "./package.mjs";

test("publint has nothing to say about the package", async () => {
  const { messages, pkg } = await publint({ pkgDir: INSTALLED, strict: true, pack: false });

  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test("the types are found the way each TypeScript setting looks for them", async () => {
  // CommonJS and TypeScript's pre-exports resolution cannot load an ES module with subpaths, and are not offered.
  await tool("@arethetypeswrong/cli/dist/index.js", [TARBALL, "--profile", "esm-only", "--no-emoji", "--no-color"]);
});
