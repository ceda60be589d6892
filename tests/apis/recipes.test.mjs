import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root, tool } from "../../pkg-template/tools/process.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { makeApp } from "./package.mjs";
import { checkRoute, readRecipes } from "./recipes.mjs";
import { runRecipe } from "./running.mjs";

for (const name of ["fetch", "hono", "node", "express", "fastify"]) {
  test(`P46 the recipe for ${name} lets in who has a token, and challenges all others`, async (t) => {
    const server = await startServer(t);
    await checkRoute(await runRecipe(t, name, server), server);
  });
}

test("every recipe compiles strictly, against the types of its server", async (t) => {
  const { folder, remove } = await makeApp();
  t.after(remove);
  const recipes = await readRecipes();
  for (const [name, text] of recipes) await writeFile(join(folder, `${name}.ts`), text);
  const compilerOptions = {
    target: "ES2022",
    module: "NodeNext",
    moduleResolution: "NodeNext",
    lib: ["ES2023"],
    types: ["node"],
    typeRoots: [join(root, "tests", "apis", "node_modules", "@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));

  await tool("typescript/bin/tsc", ["--project", folder]);
  assert.equal(recipes.size, 12);
});
