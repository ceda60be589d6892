import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { compile, currentBuildId, RUST_INPUTS } from "../../pkg-template/build.mjs";
import { root } from "../tools/process.mjs";

/** The other members of the workspace, which cargo wants to see and does not compile. */
const MEMBERS = [
  ...["www-demo/server", "tests/tools"].flatMap((member) => [`${member}/Cargo.toml`, `${member}/src`]),
  "www-demo/server/benches",
  "www-demo/server/examples",
];

test("a clean build in another folder gives the same module, byte for byte", async (t) => {
  const checkout = await mkdtemp(join(tmpdir(), "nolapse-clean-"));
  t.after(() => rm(checkout, { recursive: true, force: true }));
  const inputs = [...RUST_INPUTS, ...MEMBERS];
  for (const path of inputs) await cp(join(root, path), join(checkout, path), { recursive: true });

  process.env.CARGO_TARGET_DIR = join(checkout, "target");
  const module = await compile("npm", await currentBuildId(), () => {}, checkout);

  assert.ok(module.startsWith(checkout), "the build was not a clean one");
  const [clean, packed] = await Promise.all([readFile(module), readFile(join(root, "target/npm/nolapse.wasm"))]);
  assert.ok(clean.equals(packed), "the two modules differ");
});
