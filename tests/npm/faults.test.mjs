import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { FAULTS } from "../tools/fault-list.mjs";

test("every fault of `npm run faults` can be planted in the sources as they are", async () => {
  for (const { name, folder = "src/core", file, from, to } of FAULTS) {
    const source = await readFile(join(root, folder, file), "utf8");

    assert.equal(source.split(from).length, 2, `${file} has this exactly once (${name}):\n${from}`);
    assert.notEqual(from, to, name);
  }
});
