/** The recipes in Python, run as programs. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { freePort } from "../e2e/harness/ports.mjs";
import { root } from "../../pkg-template/tools/process.mjs";
import { PYTHON } from "../tools/python.mjs";
import { makeApp } from "./package.mjs";
import { fillRecipe, readRecipes } from "./recipes.mjs";
import { runProgram } from "./running.mjs";

/** What serves a framework: its recipe's file, other files, and the command behind Python's. */
const FRAMEWORKS = {
  fastapi: {
    file: "main.py",
    parameters: (/** @type {string} */ port) => ["-m", "uvicorn", "main:app", "--port", port],
  },
  django: { file: "urls.py", parameters: (/** @type {string} */ port) => ["serve.py", port] },
};

/**
 * Runs a framework's recipe with a library's, at an auth server.
 *
 * @param {import("node:test").TestContext} t
 * @param {keyof typeof FRAMEWORKS} framework
 * @param {string} library
 * @param {{ auth: string, api: string, feed?: { url: string, secret: string } }} addresses of the issuer, of the audience and,
 *   for an API that follows it, of the feed of revocations
 * @returns {Promise<string>} the URL of its route
 */
export async function runPython(t, framework, library, { auth, api, feed }) {
  const recipes = await readRecipes("python");
  /** @param {string} name @param {Record<string, string>} [parts] */
  const fill = (name, parts = {}) => fillRecipe(name, recipes.get(name) ?? "", parts);
  const [issuer, audience] = [{ "https://auth.example.com": auth }, { "https://api.example.com": api }];
  const { file, parameters } = FRAMEWORKS[framework];
  const { folder, remove } = await makeApp({
    [file]: fill(framework, feed ? { "from tokens import": "from following import" } : {}),
    "serve.py": await readFile(join(root, "tests", "apis", "python", "serve.py"), "utf8"),
    ...(library === "pyjwt"
      ? { "tokens.py": fill(library, { ...issuer, ...audience }) }
      : { "tokens.py": fill(library, audience), "keys.py": fill("keys", issuer) }),
    ...(feed && {
      "revocations.py": fill("revocations"),
      "following.py": fill("following", { "https://auth.example.com/auth/revocations": feed.url }),
    }),
  });
  t.after(remove);
  const port = `${await freePort()}`;
  const url = `http://localhost:${port}/me`;
  const env = { PYTHONDONTWRITEBYTECODE: "1", SERVER_SECRET: feed?.secret };
  await runProgram(t, `${framework} with ${library}`, url, {
    command: PYTHON,
    parameters: parameters(port),
    cwd: folder,
    env,
  });
  return url;
}
