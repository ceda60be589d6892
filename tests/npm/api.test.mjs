import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { INSTALLED } from "./package.mjs";

/** The reviewed snapshot of the packed types. */
const SNAPSHOT = join(root, "tests", "npm", "snapshots", "api.txt");

test("the public types are those of the snapshot", async () => {
  const types = await publicTypes();
  if (process.env.NOLAPSE_SNAPSHOT === "write") await writeFile(SNAPSHOT, types);

  const before = await readFile(SNAPSHOT, "utf8");

  assert.equal(types, before, "where that is meant: NOLAPSE_SNAPSHOT=write npm test -- --only npm --grep snapshot");
});

test("every public declaration, and each member of one, says what it is", async () => {
  const declared = /^export (interface|type \w|declare)|^ {2}((readonly )?"?[\w-]+"?\??:|constructor|\[)/;
  for (const file of [
    "index.d.ts",
    "errors.d.ts",
    "events.d.ts",
    "options.d.ts",
    "claims.d.ts",
    "passkeys.d.ts",
    "verify.d.ts",
    "server.d.ts",
    "rendering.d.ts",
    "testing.d.ts",
  ]) {
    const lines = (await readFile(join(INSTALLED, file), "utf8")).split("\n");
    const parameters = /^ {2}(error|code)\??: (unknown|Code),$/;
    const bare = lines.filter(
      (line, at) => declared.test(line) && !parameters.test(line) && !lines[at - 1]?.endsWith("*/"),
    );
    assert.deepEqual(bare, [], file);
  }
});

/** The packed declarations, without comments and empty lines. */
async function publicTypes() {
  const files = (await readdir(INSTALLED)).filter((name) => /\.d\.c?ts$/.test(name)).sort();
  const texts = files.map(async (file) => {
    const code = (await readFile(join(INSTALLED, file), "utf8")).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    const lines = code.split("\n").filter((line) => line.trim() !== "");
    return `# ${file}\n${lines.join("\n")}\n`;
  });
  return (await Promise.all(texts)).join("\n");
}
