/** The recipes of `docs/apis.md`, and what each has to answer. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request as send } from "node:http";
import { join } from "node:path";

import { transform } from "esbuild";

import { root } from "../../pkg-template/tools/process.mjs";
import { signUp } from "./auth.mjs";

/** @returns {Promise<Map<string, string>>} the recipes by their names */
export async function readRecipes() {
  const document = await readFile(join(root, "docs", "apis.md"), "utf8");
  const fences = document.matchAll(/^```ts (\w+)\n([\s\S]*?)^```$/gm);
  return new Map([...fences].map(([, name = "", text = ""]) => [name, text]));
}

/**
 * Compiles a recipe for an auth server: nothing else of it is changed.
 *
 * @param {string} name
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {number} [port] that it shall listen on, if it listens by itself
 */
export async function compileRecipe(name, server, port) {
  let program = (await readRecipes()).get(name) ?? "";
  /** @param {string} part @param {string} real */
  const fill = (part, real) => {
    assert.equal(program.split(part).length, 2, `the recipe ${name} has ${part} once`);
    program = program.replace(part, real);
  };
  fill("https://auth.example.com", server.auth);
  fill("https://api.example.com", server.api);
  if (port !== undefined) fill("3000", `${port}`);
  const { code } = await transform(program, { loader: "ts", format: "esm" });
  return code;
}

/**
 * Calls the route of a recipe with and without tokens, at last while the auth server is away.
 *
 * @param {string} url
 * @param {import("../e2e/harness/server.mjs").Server} server
 * @param {{ seesFirstHeaderOnly?: boolean }} [framework] of several Authorization headers Node keeps the first, and a handler
 *   that gets what Node kept cannot refuse the others
 */
export async function checkRoute(url, server, { seesFirstHeaderOnly = false } = {}) {
  const [user, other] = await Promise.all([signUp(server), signUp(server)]);
  const subject = JSON.parse(Buffer.from(user.token.split(".")[1] ?? "", "base64url").toString()).sub;
  const refused = { status: 401, challenge: 'Bearer error="invalid_token"' };
  const description = "the access token is not valid here";
  const invalid = { ...refused, told: { error: "invalid_token", error_description: description } };

  const accepted = { status: 200, challenge: undefined, told: { user: subject } };

  assert.deepEqual(await get(url, [`Bearer ${user.token}`]), accepted);
  const missing = { error: "invalid_token", error_description: "an access token is needed" };
  for (const headers of [[], ["Basic YTpi"]])
    assert.deepEqual(await get(url, headers), { status: 401, challenge: "Bearer", told: missing });
  const [head, body] = user.token.split(".");
  const signature = other.token.split(".")[2];
  for (const headers of [[`Bearer ${head}.${body}.${signature}`], ["Bearer x"], ["Bearer x", `Bearer ${user.token}`]])
    assert.deepEqual(await get(url, headers), invalid, `${headers.length} headers`);
  const two = await get(url, [`Bearer ${user.token}`, `Bearer ${other.token}`]);
  assert.deepEqual(two, seesFirstHeaderOnly ? accepted : invalid, "two tokens");
  await server.stop();
  assert.equal((await get(url, [`Bearer ${user.token}`])).status, 200, "without the auth server");
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
