import assert from "node:assert/strict";
import { test } from "node:test";

import { read } from "../docs/documents.mjs";
import { complaintsAboutCrates, complaintsAboutPackages, rulesOf } from "../tools/supply-chain.mjs";

const source = "registry+https://github.com/rust-lang/crates.io-index";
const rules = { licenses: ["MIT", "Apache-2.0"], skipped: ["old@1.0.0"] };
const old = { name: "old", version: "1.0.0", license: "MIT", source };
const integrity = `sha512-${"A".repeat(86)}==`;

/** @param {Partial<import("../tools/supply-chain.mjs").Crate>} crate */
const about = (crate) => complaintsAboutCrates([old, { ...old, name: "new", ...crate }], rules);

test("crates with an allowed licence and one version are passed", () => {
  for (const license of ["MIT", "MIT/Apache-2.0", "Apache-2.0 OR GPL-3.0-only", "MIT AND Apache-2.0"]) {
    assert.deepEqual(about({ license }), []);
  }
  assert.deepEqual(complaintsAboutCrates([old, { ...old, version: "2.0.0" }], rules), []);
  assert.deepEqual(about({ license: null, source: null }), []);
});

test("a crate of another licence, source or version is complained of", () => {
  for (const license of ["GPL-3.0-only", "MIT AND GPL-3.0-only", "AGPL-3.0-only", "Custom licence", "", null]) {
    assert.match(about({ license }).join(), /^new@1.0.0: the licence is /, String(license));
  }
  assert.match(about({ source: "git+https://example.org/new" }).join(), /comes from git/);
  const twice = [old, { ...old, version: "2.0.0" }, { ...old, version: "3.0.0" }];
  assert.deepEqual(complaintsAboutCrates(twice, rules), [
    "old@2.0.0: is one of 2 versions",
    "old@3.0.0: is one of 2 versions",
  ]);
  assert.deepEqual(complaintsAboutCrates([], rules), ["old@1.0.0: is in deny.toml, and not used"]);
});

test("a package without a hash, of another licence or from a named host is complained of", () => {
  /** @param {import("../tools/supply-chain.mjs").Package} changed */
  const one = (changed) =>
    complaintsAboutPackages({ "": {}, "node_modules/x": { license: "MIT", integrity, ...changed } }, rules);

  assert.deepEqual(one({}), []);
  assert.deepEqual(one({ integrity: undefined, inBundle: true }), []);
  for (const wrong of [undefined, "", "sha1-AAAA", "sha512-short", "sha256-AAAA"]) {
    assert.match(one({ integrity: wrong }).join(), /has no SHA-512/, wrong);
  }
  for (const license of [undefined, "GPL-3.0-only", "UNLICENSED", "SEE LICENSE IN LICENSE"]) {
    assert.match(one({ license }).join(), /the licence is /, license);
  }
  assert.match(one({ resolved: "https://example.org/x.tgz" }).join(), /names where it came from/);
});

test("deny.toml has a reason for each duplicate", async () => {
  const text = await read("deny.toml");
  const { skipped } = rulesOf(text);

  assert.equal(skipped.length, [...text.matchAll(/^ {2}\{ crate = /gm)].length);
  assert.throws(() => rulesOf("allow = []"), /no list/);
});
