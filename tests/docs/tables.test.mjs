import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { CONTESTANTS, versions } from "../bench/peers/contestants.mjs";
import { LOCKED } from "../tools/packages.mjs";
import { STAGES } from "../tools/stages.mjs";
import { codeIn, read, readDocument, table } from "./documents.mjs";

const [readme, packageReadme, contributing] = await Promise.all([
  readDocument("README.md"),
  readDocument("pkg-template/README.md"),
  readDocument("CONTRIBUTING.md"),
]);

/** The declarations of `nolapse`. */
const declared = await Promise.all(
  ["index", "errors", "events", "options"].map((name) => read(`pkg-template/${name}.d.ts`)),
);

/** The declarations without their comments, which have punctuation of their own. */
const types = declared.join("").replaceAll(/^ *\/\*\*[\s\S]*?\*\/\n/gm, "");

/** The code words of a table's first column. @param {string[][]} rows */
function firstColumn(rows) {
  return rows.flatMap(([cell = ""]) => codeIn(cell));
}

/** The literals of a union type. @param {string} name */
function union(name) {
  const body = new RegExp(`export type ${name} =([^;]+);`).exec(types)?.[1] ?? "";
  return [...body.matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word);
}

/** The members of an interface, one level deep. @param {string} name */
function members(name, source = types) {
  const body = new RegExp(`export interface ${name}(?:<[^{]*>)? \\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? "";
  return [...body.matchAll(/^ {2}(?:readonly )?"?([\w-]+)"?\??:/gm)].map(([, word = ""]) => word);
}

/** The text of all tests of a folder. @param {string} folder */
async function readTests(folder) {
  const files = (await readdir(join(root, folder))).filter((name) => name.endsWith(".test.mjs"));
  return (await Promise.all(files.map((name) => read(join(folder, name))))).join("\n");
}

/**
 * @param {readonly string[]} told
 * @param {readonly string[]} real
 */
function assertSame(told, real) {
  assert.ok(real.length > 0, "nothing was found in the source");
  assert.deepEqual(told.toSorted(), real.toSorted());
}

test("the README has every member of a session, and no other", () => {
  assertSame(firstColumn(table(readme, "member")), members("Session"));
});

test("the README names every event", () => {
  const row = table(readme, "member").find(([cell]) => cell === "`on`") ?? [];

  assertSame(codeIn(row[1] ?? ""), members("SessionEvents"));
});

test("the package's README has every option, code, reason and cause, and no other", () => {
  assertSame(firstColumn(table(packageReadme, "option")), members("SessionOptions"));
  assertSame(firstColumn(table(packageReadme, "code")), union("SessionErrorCode"));
  assertSame(firstColumn(table(packageReadme, "reason")), union("SignOutReason"));
  assertSame(firstColumn(table(packageReadme, "cause")), union("FailureCause"));
});

test("the page about errors has every code, reason and cause, and no other", async () => {
  const errors = await readDocument("docs/errors.md");

  assertSame(firstColumn(table(errors, "code")), union("SessionErrorCode"));
  assertSame(firstColumn(table(errors, "reason")), union("SignOutReason"));
  assertSame(firstColumn(table(errors, "cause")), union("FailureCause"));
});

test("the page about testing has every control, and no other", async () => {
  const testing = await readDocument("docs/testing.md");
  const controls = members("TestControls", await read("pkg-template/testing.d.ts"));

  assertSame(firstColumn(table(testing, "control")), controls);
});

test("each tool of the page about installing is one of the packed apps, and each entry is one of the package's", async () => {
  const rows = table(await readDocument("docs/install.md"), "tool");
  const apps = (await Promise.all(["tests/packed", "tests/frameworks"].map(readTests))).join("\n");
  const titles = [...apps.matchAll(/test\(\s*"(P37[^"]+|P36 P37[^"]+)"/g)].map(([, title = ""]) => title);
  const { name, exports } = JSON.parse(await read("pkg-template/package.json"));

  assert.ok(rows.length > 5);
  for (const [tool = "", entry = ""] of rows) {
    assert.ok(
      titles.some((title) => title.includes(tool)),
      `no packed app is of ${tool}`,
    );
    assert.ok((codeIn(entry)[0] ?? "").replace(name, ".") in exports, entry);
  }
});

test("each difference from fetch has a test of its name, and each test a line", async () => {
  const rows = table(await readDocument("docs/fetch.md"), "difference").map(([cell = ""]) => cell);
  const tests = await read("tests/e2e/fetch-differences.test.mjs");
  const titles = [...tests.matchAll(/t\.test\("([^"]+)"/g)].map(([, title = ""]) => title);

  assertSame(
    rows,
    titles.filter((title) => !/^P\d\d/.test(title)),
  );
});

test("the README has every variable of the server, with its default", async () => {
  const rows = (await read("www-demo/server/src/config.rs")).split("\n").filter((line) => line.startsWith("//! | `"));
  const real = rows.map((row) =>
    row
      .split("|")
      .slice(1, 3)
      .map((cell) => cell.trim()),
  );

  assert.ok(real.length > 10);
  assert.deepEqual(
    table(readme, "variable").map(([name, value]) => [name, value]),
    real,
  );
});

test("CONTRIBUTING has every script and every package of each package.json, and no other", async () => {
  const manifests = await Promise.all(
    LOCKED.map(async (folder) => JSON.parse(await read(join(folder, "package.json")))),
  );
  const { scripts } = manifests[0];
  const told = firstColumn(table(contributing, "command")).map((command) => command.replace(/^npm (run )?/, ""));

  assertSame(told, Object.keys(scripts));
  const packages = new Set(manifests.flatMap(({ devDependencies }) => Object.keys(devDependencies)));
  assertSame(firstColumn(table(contributing, "package")), [...packages]);
});

test("the page of benchmarks has each client of the bench, in the version that was measured, and no other", async () => {
  const page = await readDocument("docs/benchmarks.md");
  const measured = new Set(CONTESTANTS.map(({ name }) => name));

  const told = ["client", "size and cost", "first answer after"].map((heading) =>
    table(page, heading).map(([cell = ""]) => cell),
  );

  for (const names of told) assert.deepEqual(new Set(names), measured);
  for (const version of await versions()) assert.ok(page.text.includes(`\`${version}\``), `measure ${version}`);
});

test("these documents are a stage of `npm test`", () => {
  assert.ok(STAGES.some(({ name }) => name === "docs"));
});
