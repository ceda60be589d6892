import assert from "node:assert/strict";
import { test } from "node:test";

import { STAGES } from "../tools/stages.mjs";
import { codeIn, read, readDocument, table } from "./documents.mjs";

const [declared, readme, packageReadme, contributing] = await Promise.all([
  read("pkg-template/index.d.ts"),
  readDocument("README.md"),
  readDocument("pkg-template/README.md"),
  readDocument("CONTRIBUTING.md"),
]);

/** The declarations without their comments, which have punctuation of their own. */
const types = declared.replaceAll(/^ *\/\*\*[\s\S]*?\*\/\n/gm, "");

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
function members(name) {
  const body = new RegExp(`export interface ${name}(?:<[^{]*>)? \\{\\n([\\s\\S]*?)\\n\\}`).exec(types)?.[1] ?? "";
  return [...body.matchAll(/^ {2}(?:readonly )?"?([\w-]+)"?\??:/gm)].map(([, word = ""]) => word);
}

/**
 * @param {readonly string[]} told
 * @param {readonly string[]} real
 */
function assertSame(told, real) {
  assert.ok(real.length > 0, "nothing was found in the source");
  assert.deepEqual(told.toSorted(), real.toSorted());
}

test("the README tells every member of a session, and no other", () => {
  assertSame(firstColumn(table(readme, "member")), members("Session"));
});

test("the README names every event", () => {
  const row = table(readme, "member").find(([cell]) => cell === "`on`") ?? [];

  assertSame(codeIn(row[1] ?? ""), members("SessionEvents"));
});

test("the package's README tells every option, code, reason and cause, and no other", () => {
  assertSame(firstColumn(table(packageReadme, "option")), members("SessionOptions"));
  assertSame(firstColumn(table(packageReadme, "code")), union("SessionErrorCode"));
  assertSame(firstColumn(table(packageReadme, "reason")), union("SignOutReason"));
  assertSame(firstColumn(table(packageReadme, "cause")), union("FailureCause"));
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

test("CONTRIBUTING tells every script and every package of package.json, and no other", async () => {
  const { scripts, devDependencies } = JSON.parse(await read("package.json"));
  const told = firstColumn(table(contributing, "command")).map((command) => command.replace(/^npm (run )?/, ""));

  assertSame(told, Object.keys(scripts));
  assertSame(firstColumn(table(contributing, "package")), Object.keys(devDependencies));
});

test("these documents are a stage of `npm test`", () => {
  assert.ok(STAGES.some(({ name }) => name === "docs"));
});
