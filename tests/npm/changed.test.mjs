import assert from "node:assert/strict";
import { test } from "node:test";

import { root, run } from "../../pkg-template/tools/process.mjs";
import { ruleFor, stagesForChanges } from "../tools/changed.mjs";
import { optionsOf, USAGE } from "../tools/options.mjs";
import { STAGES } from "../tools/stages.mjs";

const ALL = STAGES.map(({ name }) => name);

/** @param {string[]} paths */
const stages = (...paths) => stagesForChanges(paths).stages;

test("every file of the repository falls under a rule, which names stages that there are", async () => {
  const { stdout } = await run("git", ["ls-files", "-z"], { cwd: root });
  const files = stdout.split("\0").filter(Boolean);

  assert.ok(files.length > 300, `${files.length} files`);
  assert.deepEqual(
    files.filter((file) => ruleFor(file) === undefined),
    [],
    "no rule of tests/tools/changed.mjs is for these",
  );
  for (const file of files) for (const name of ruleFor(file) ?? []) assert.ok(ALL.includes(name), `${file}: ${name}`);
});

test("a path that no rule is for chooses every stage, and says so", () => {
  const { stages, reasons } = stagesForChanges(["docs/install.md", "new-part/file.rs"]);

  assert.deepEqual(stages, ALL);
  assert.match(reasons.join("\n"), /^new-part\/file\.rs: every stage, as no rule /m);
});

test("a change chooses the stages that read, compile or run the file", () => {
  assert.deepEqual(stages("docs/install.md"), ["packed", "frameworks", "docs"]);
  assert.deepEqual(stages("src/core/mod.rs"), [
    "static",
    "native",
    "fuzz",
    "wasm",
    "npm",
    "packed",
    "frameworks",
    "site",
    "apis",
    "docs",
    "e2e",
  ]);
  assert.deepEqual(stages("www-demo/site/src/main.ts"), ["static", "native", "site", "e2e"]);
  const served = ["static", "native", "fuzz", "npm", "frameworks", "apis", "providers", "docs", "e2e"];
  assert.deepEqual(stages("www-demo/server/src/main.rs"), served);
  assert.deepEqual(stages("tests/e2e/smoke.test.mjs"), ["static", "docs", "e2e"]);
  assert.deepEqual(stages("Cargo.lock"), ALL);
  assert.deepEqual(stages("pkg-template/tools/glue.mjs"), ALL);
});

test("the reasons name the files, the first ones where there are many", () => {
  const some = ["a", "b", "c", "d", "e"].map((name) => `docs/${name}.md`);

  const { reasons } = stagesForChanges([...some, "deny.toml"]);

  assert.deepEqual(reasons, ["docs/a.md, docs/b.md, docs/c.md and 2 more: docs", "deny.toml: static, npm"]);
  assert.deepEqual(stagesForChanges([]), { stages: [], reasons: ["Nothing has changed since the main branch."] });
});

test("unknown options are refused in a line that names the help", () => {
  for (const words of [["--onyl", "e2e"], ["e2e"], ["--only"], ["--help=1"], ["--changed", "--only", "e2e"]]) {
    assert.throws(
      () => optionsOf(words),
      ({ name, message }) => name === "Remedy" && /^npm test: [^\n]+$/.test(message),
    );
  }
  assert.deepEqual(optionsOf(["--only", "npm,e2e", "--grep", "P04"]), {
    only: ["npm", "e2e"],
    changed: false,
    grep: "P04",
    help: false,
  });
  for (const option of ["--only", "--changed", "--grep", "--help"]) assert.ok(USAGE.includes(option), option);
});
