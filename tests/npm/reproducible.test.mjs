import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { compile, currentBuildId } from "../../pkg-template/tools/compile.mjs";
import { root } from "../../pkg-template/tools/process.mjs";

// From the same checkout: in another folder the module would differ, because wasm-bindgen names the imports of `platform.js`
// by a hash of the crate's path.
test("a clean build gives the same module, byte for byte", async (t) => {
  const target = await mkdtemp(join(tmpdir(), "nolapse-clean-"));
  t.after(() => rm(target, { recursive: true, force: true }));

  process.env.CARGO_TARGET_DIR = target;
  const module = await compile("npm", await currentBuildId(), () => {});

  assert.ok(module.startsWith(target), "the build was not a clean one");
  const [clean, packed] = await Promise.all([readFile(module), readFile(join(root, "target/npm/nolapse.wasm"))]);
  assert.ok(clean.equals(packed), "the two modules differ");
});
