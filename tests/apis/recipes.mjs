/** The recipes of the documents, and what each of `docs/apis.md` has to answer. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request as send } from "node:http";
import { join } from "node:path";

import { transform } from "esbuild";

import { root } from "../../pkg-template/tools/process.mjs";
import { signUp } from "./auth.mjs";

/** The documents that have recipes. */
const DOCUMENTS = ["apis.md", "api-recipes.md"];

/**
 * Reads the recipes in a language.
 *
 * @param {"ts" | "python" | "rust"} [language]
 * @returns {Promise<Map<string, string>>} by their names
 */
export async function readRecipes(language = "ts") {
  const texts = await Promise.all(DOCUMENTS.map((name) => readFile(join(root, "docs", name), "utf8")));
  const fences = texts.join("\n").matchAll(/^```(\w+) (\w+)\n([\s\S]*?)^```$/gm);
  const ours = [...fences].filter(([, fence]) => fence === language);
  return new Map(ours.map(([, , name = "", text = ""]) => [name, text]));
}

/**
 * Puts addresses into a recipe: nothing else of it is changed.
 *
 * @param {string} name
 * @param {string} text
 * @param {Readonly<Record<string, string>>} parts what the recipe has, and what it gets
 */
export function fillRecipe(name, text, parts) {
  let program = text;
  for (const [part, real] of Object.entries(parts)) {
    assert.equal(program.split(part).length, 2, `the recipe ${name} has ${part} once`);
    program = program.replace(part, real);
  }
  return program;
}

/**
 * Where an API and its auth server are: the issuer, the audience and, for an API that follows them, its option `revocations`.
 *
 * @typedef {{ auth: string, api: string, revocations?: { secret: string } }} Addresses
 */

/**
 * Compiles a recipe for an auth server.
 *
 * @param {string} name
 * @param {Addresses} addresses
 * @param {number} [port] that it shall listen on, if it listens by itself
 */
export async function compileRecipe(name, { auth, api, revocations }, port) {
  const text = (await readRecipes()).get(name) ?? "";
  const listening = port === undefined ? {} : { 3000: `${port}` };
  const addresses = { "https://auth.example.com": auth, "https://api.example.com": api };
  const following = revocations ? { "createVerifier({": `$&revocations: ${JSON.stringify(revocations)},` } : {};
  const program = fillRecipe(name, text, { ...addresses, ...listening, ...following });
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
 * Calls the route of a recipe, whose response is JSON.
 *
 * @param {string} url
 * @param {readonly string[]} authorization
 */
async function get(url, authorization) {
  const { status, challenge, type, text } = await sendHeaders(url, authorization);
  assert.match(`${type}`, /^application\/json/, text);
  return { status, challenge, told: JSON.parse(text) };
}

/**
 * Sends a request with any number of Authorization headers, which `fetch` would join.
 *
 * @param {string} url
 * @param {readonly string[]} authorization
 * @returns {Promise<{ status: number | undefined, challenge: string | undefined, type: string | undefined, text: string }>}
 */
export function sendHeaders(url, authorization) {
  return new Promise((resolve, reject) => {
    const headers = authorization.flatMap((value) => ["authorization", value]);
    const sent = send(url, { headers: ["host", new URL(url).host, ...headers] }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      response.on("end", () => {
        const { statusCode: status, headers } = response;
        resolve({ status, challenge: headers["www-authenticate"], type: headers["content-type"], text });
      });
    });
    sent.on("error", reject).end();
  });
}
