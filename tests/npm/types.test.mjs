import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { tool } from "../../pkg-template/tools/process.mjs";
import { INSTALLED } from "./package.mjs";

const SETTINGS = [
  ["--module", "nodenext", "--moduleResolution", "nodenext"],
  ["--module", "esnext", "--moduleResolution", "bundler"],
];

for (const settings of SETTINGS) {
  test(`the packed types say what they should, strictly, with ${settings.at(-1)} resolution`, async () => {
    await tool("typescript/bin/tsc", ["--project", "tests/npm/tsconfig.json", ...settings]);
  });
}

test("P33 no declaration of the package has an any", async () => {
  const files = (await readdir(INSTALLED)).filter((name) => name.endsWith(".d.ts"));

  assert.ok(files.includes("index.d.ts"));
  for (const file of files) {
    const code = (await readFile(join(INSTALLED, file), "utf8")).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    assert.doesNotMatch(code, /\bany\b/, file);
  }
});
