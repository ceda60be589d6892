/** Recipes that run as programs. */

import { start } from "../../pkg-template/tools/process.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { until } from "../e2e/harness/until.mjs";
import { makeApp } from "./package.mjs";
import { compileRecipe } from "./recipes.mjs";

/** How long a recipe may take to listen. */
const START_MS = 30_000;

/** Serves a fetch handler from Node, as the runtimes that it is for do by themselves. */
const SERVING = `
import { serve } from "@hono/node-server";
import handler from "./recipe.mjs";
serve(handler);
`;

/**
 * Runs a program that serves a route, until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} name of its recipe, for messages
 * @param {string} url of the route
 * @param {{ command: string, parameters: readonly string[], cwd: string, env?: Record<string, string | undefined> }} program
 * @returns {Promise<void>} once it listens
 */
export async function runProgram(t, name, url, { command, parameters, ...options }) {
  const child = start(command, parameters, options);
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      log += text;
    });
  t.after(() => child.kill());
  const listens = async () => {
    if (child.exitCode !== null) throw new Error(`the recipe ${name} has ended:\n${log}`);
    return (await fetch(url).catch(() => undefined)) !== undefined;
  };
  await until(`the recipe ${name} listens`, listens, { within: START_MS });
}

/**
 * Runs a recipe for Node, at an auth server.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} name
 * @param {import("./recipes.mjs").Addresses} addresses
 * @returns {Promise<string>} the URL of its route
 */
export async function runRecipe(t, name, addresses) {
  const port = await freePort();
  const code = await compileRecipe(name, addresses, port);
  const { folder, remove } = await makeApp({ "recipe.mjs": code, "serving.mjs": SERVING });
  t.after(remove);
  const url = `http://localhost:${port}/me`;
  const script = name === "fetch" ? "serving.mjs" : "recipe.mjs";
  await runProgram(t, name, url, { command: process.execPath, parameters: [script], cwd: folder });
  return url;
}
