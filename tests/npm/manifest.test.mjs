import assert from "node:assert/strict";
import { test } from "node:test";

import { publint } from "publint";
import { formatMessage } from "publint/utils";

import { tool } from "../../pkg-template/tools/process.mjs";
import { INSTALLED, TARBALL } from "./package.mjs";

test("publint has nothing to say about the package", async () => {
  const { messages, pkg } = await publint({ pkgDir: INSTALLED, strict: true, pack: false });

  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test("the types are found the way each TypeScript setting looks for them", async () => {
  // A wasm file and a script without exports have no types; CommonJS, and the resolution before `exports`, cannot load ES modules
  // with subpaths.
  const modules = ["--exclude-entrypoints", "nolapse_bg.wasm", "nolapse_verify_bg.wasm", "early.js"];
  const parameters = [TARBALL, "--profile", "esm-only", ...modules, "--no-emoji", "--no-color"];
  await tool("@arethetypeswrong/cli/dist/index.js", parameters, { from: "tests/npm" });
});
