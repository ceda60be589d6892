import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root, run } from "../../pkg-template/tools/process.mjs";
import { PYTHON, REQUIREMENTS } from "../tools/python.mjs";
import { complaintsAboutLicences, rulesOf } from "../tools/supply-chain.mjs";

/** Prints the licence of each package by its name: as SPDX has it, or as it is named in the two older forms, of which one may be its whole text. */
const LICENCES = `
import json
from importlib.metadata import distributions

def licence(told):
    named = [part.rpartition(" :: ")[2] for part in told.get_all("Classifier") or [] if part.startswith("License")]
    text = told["License"] or ""
    return told["License-Expression"] or (text if text and "\\n" not in text else (named or [""])[0])

print(json.dumps({one.metadata["Name"]: licence(one.metadata) for one in distributions()}))
`;

/** Licences that a package names in words, by SPDX's names. */
const IN_WORDS = new Map([
  ["BSD", "BSD-3-Clause"],
  ["BSD License", "BSD-3-Clause"],
  ["MIT License", "MIT"],
  ["GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"],
]);

test("part2 every package of Python has a version of its own, and a licence that is allowed", async () => {
  const [{ stdout }, deny, ...requirements] = await Promise.all([
    run(PYTHON, ["-c", LICENCES]),
    readFile(join(root, "deny.toml"), "utf8"),
    ...REQUIREMENTS.map((file) => readFile(file, "utf8")),
  ]);
  /** @type {[string, string][]} */
  const installed = Object.entries(JSON.parse(stdout));
  const licences = Object.fromEntries(installed.map(([name, word]) => [name, IN_WORDS.get(word) ?? word]));
  const lines = requirements.flatMap((file) => file.split("\n").filter((line) => line !== "" && !line.startsWith("#")));

  assert.deepEqual(complaintsAboutLicences(licences, rulesOf(deny)), []);
  assert.deepEqual(complaintsAboutLicences({ x: "GPL-3.0-only" }, rulesOf(deny)), ["x: the licence is GPL-3.0-only"]);
  assert.deepEqual(
    lines.filter((line) => !/^[\w-]+==\d[\w.]*$/.test(line)),
    [],
  );
});

test("part2 the document names the crates that its recipes are compiled with", async () => {
  const [document, manifest] = await Promise.all([
    readFile(join(root, "docs", "api-recipes.md"), "utf8"),
    readFile(join(root, "tests", "apis", "rust", "Cargo.toml"), "utf8"),
  ]);
  const told = /^```toml rust\n([\s\S]*?)^```$/m.exec(document)?.[1]?.trim().split("\n") ?? [];
  const real = manifest.split("\n");

  assert.ok(told.length > 3);
  assert.deepEqual(
    told.filter((line) => !real.includes(line)),
    [],
  );
});
