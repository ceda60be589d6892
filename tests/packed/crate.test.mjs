import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { root, run } from "../../pkg-template/tools/process.mjs";

/** The packed crate's target folder, kept between runs: most of the build are dependencies. */
const TARGET = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "packed-crate");

test("the crate passes its own tests from the packed files, and compiles for browsers", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-crate-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = ["--target-dir", TARGET];
  await run("cargo", ["package", "--package", "nolapse", "--allow-dirty", "--no-verify", ...target]);
  const { stdout } = await run("cargo", ["metadata", "--no-deps", "--format-version", "1"]);
  /** @type {{ packages: { name: string, version: string }[] }} */
  const { packages } = JSON.parse(stdout);
  const name = `nolapse-${packages.find(({ name }) => name === "nolapse")?.version}`;
  await run("tar", ["-xzf", join(TARGET, "package", `${name}.crate`), "-C", folder]);
  const manifest = ["--manifest-path", join(folder, name, "Cargo.toml"), ...target];

  const tests = await run("cargo", ["test", "--lib", ...manifest]);
  await run("cargo", ["check", "--target", "wasm32-unknown-unknown", ...manifest]);
  await run("cargo", ["check", "--features", "verify", ...manifest]);

  assert.match(tests.stdout, /test result: ok\. [1-9]\d\d passed/);
});
