import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, request as send } from "node:http";
import { join } from "node:path";
import { before, test } from "node:test";

import { transform } from "esbuild";

import { root, start, tool } from "../../pkg-template/tools/process.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { until } from "../e2e/harness/until.mjs";
import { signUp } from "./auth.mjs";
import { makeApp } from "./package.mjs";

/** How long a recipe may take to listen. */
const START_MS = 30_000;

/** Serves a fetch handler from Node, as the runtimes that it is for do by themselves. */
const SERVING = `
import { serve } from "@hono/node-server";
import handler from "./recipe.mjs";
serve(handler);
`;

/** The recipes by their names. @type {Map<string, string>} */
const recipes = new Map();

before(async () => {
  const document = await readFile(join(root, "docs", "apis.md"), "utf8");
  for (const [, name = "", text = ""] of document.matchAll(/^```ts (\w+)\n([\s\S]*?)^```$/gm)) recipes.set(name, text);
});

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
  const text = recipes.get(name) ?? "";
  for (const part of ["https://auth.example.com", "https://api.example.com", "3000"])
    assert.equal(text.split(part).length, 2, `the recipe ${name} has ${part} once`);
  const program = text
    .replace("https://auth.example.com", server.auth)
    .replace("https://api.example.com", server.api)
    .replace("3000", `${port}`);
  const { code } = await transform(program, { loader: "ts", format: "esm" });
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

/**
 * Sends a request with any number of Authorization headers, which `fetch` would join.
 *
 * @param {string} url
 * @param {readonly string[]} authorization
 * @returns {Promise<{ status: number | undefined, challenge: string | undefined, told: Record<string, unknown> }>}
 */
function get(url, authorization) {
  return new Promise((resolve, reject) => {
    const headers = authorization.flatMap((value) => ["authorization", value]);
    const sent = send(url, { headers: ["host", new URL(url).host, ...headers] }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      response.on("end", () => {
        const { statusCode: status, headers } = response;
        assert.match(`${headers["content-type"]}`, /^application\/json/, text);
        resolve({ status, challenge: headers["www-authenticate"], told: JSON.parse(text) });
      });
    });
    sent.on("error", reject).end();
  });
}

for (const name of ["fetch", "hono", "node", "express", "fastify"]) {
  test(`P46 the recipe for ${name} lets in who has a token, and challenges all others`, async (t) => {
    const server = await startServer(t);
    const [user, other, url] = await Promise.all([signUp(server), signUp(server), runRecipe(t, name, server)]);
    const subject = JSON.parse(Buffer.from(user.token.split(".")[1] ?? "", "base64url").toString()).sub;
    const refused = { status: 401, challenge: 'Bearer error="invalid_token"' };
    const description = "the access token is not valid here";
    const invalid = { ...refused, told: { error: "invalid_token", error_description: description } };

    assert.deepEqual(await get(url, [`Bearer ${user.token}`]), {
      status: 200,
      challenge: undefined,
      told: { user: subject },
    });
    const missing = { error: "invalid_token", error_description: "an access token is needed" };
    for (const headers of [[], ["Basic YTpi"]])
      assert.deepEqual(await get(url, headers), { status: 401, challenge: "Bearer", told: missing });
    const [head, body] = user.token.split(".");
    const signature = other.token.split(".")[2];
    for (const headers of [
      [`Bearer ${head}.${body}.${signature}`],
      ["Bearer x"],
      [`Bearer ${user.token}`, `Bearer ${other.token}`],
    ])
      assert.deepEqual(await get(url, headers), invalid, headers.join());
    await server.stop();
    assert.equal((await get(url, [`Bearer ${user.token}`])).status, 200, "without the auth server");
  });
}

test("every recipe compiles strictly, against the types of its server", async (t) => {
  const { folder, remove } = await makeApp();
  t.after(remove);
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
  assert.equal(recipes.size, 5);
});
