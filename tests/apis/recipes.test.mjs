import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { root, start, tool } from "../../pkg-template/tools/process.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { makeApp } from "./package.mjs";
import { checkRoute, compileRecipe, readRecipes } from "./recipes.mjs";

/** How long a recipe may take to listen. */
const START_MS = 30_000;

/** Serves a fetch handler from Node, as the runtimes that it is for do by themselves. */
const SERVING = `
import { serve } from "@hono/node-server";
import handler from "./recipe.mjs";
serve(handler);
`;

/** A port that nothing listens on. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens on a port");
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

/**
 * Runs a recipe as a program, at an auth server.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} name
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @returns {Promise<string>} the URL of its route
 */
async function runRecipe(t, name, server) {
  const port = await freePort();
  const code = await compileRecipe(name, server, port);
  const { folder, remove } = await makeApp({ "recipe.mjs": code, "serving.mjs": SERVING });
  t.after(remove);
  const child = start(process.execPath, [name === "fetch" ? "serving.mjs" : "recipe.mjs"], { cwd: folder });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      log += text;
    });
  t.after(() => child.kill());
  const url = `http://localhost:${port}/me`;
  const listens = async () => {
    if (child.exitCode !== null) throw new Error(`the recipe ${name} has ended:\n${log}`);
    return (await fetch(url).catch(() => undefined)) !== undefined;
  };
  await until(`the recipe ${name} listens`, listens, { within: START_MS });
  return url;
}

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
  assert.equal(recipes.size, 7);
});
