/** Runtimes besides Node that serve a fetch handler, as npm installs their programs. */

import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

import { runProgram } from "../apis/running.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { makeFrameworkApp, PACKAGES } from "./apps.mjs";

/** @typedef {"Deno" | "Bun" | "Workers"} Runtime */

/** @type {readonly Runtime[]} */
export const RUNTIMES = ["Deno", "Bun", "Workers"];

/** What Workers are run with: requests of the machine's own network are allowed, which they are not by default. @param {string} port */
function workersConfig(port) {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      compatibilityDate = "2026-11-01",
      modules = [(name = "worker", esModule = embed "worker.mjs")],
      durableObjectNamespaces = [(className = "Api", uniqueKey = "api")],
      durableObjectStorage = (inMemory = void),
      bindings = [(name = "API", durableObjectNamespace = "Api")],
    )),
    (name = "internet", network = (allow = ["local", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}

/**
 * Serves a fetch handler from a runtime, until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {Runtime} runtime
 * @param {(port: number) => string | Promise<string>} write returns a module whose default export is the handler for a port
 * @returns {Promise<string>} its origin
 */
export async function serve(t, runtime, write) {
  const port = await freePort();
  const cwd = await makeFrameworkApp(t, { "handler.mjs": await write(port) });
  const { command, parameters } = await programOf(runtime, cwd, String(port));
  const origin = `http://127.0.0.1:${port}`;
  await runProgram(t, runtime, origin, { command, parameters, cwd });
  return origin;
}

/**
 * @param {Runtime} runtime
 * @param {string} folder
 * @param {string} port
 * @returns {Promise<{ command: string, parameters: readonly string[] }>}
 */
async function programOf(runtime, folder, port) {
  switch (runtime) {
    case "Deno":
      return {
        command: await programIn("@deno", "deno"),
        parameters: [
          "serve",
          "--node-modules-dir=manual",
          "--allow-net",
          "--host",
          "127.0.0.1",
          "--port",
          port,
          "handler.mjs",
        ],
      };
    case "Bun":
      return { command: await programIn("@oven", "bin/bun"), parameters: ["handler.mjs"] };
    case "Workers":
      // One module, as their own tool makes it of an app.
      await build({
        entryPoints: [join(folder, "handler.mjs")],
        outfile: join(folder, "worker.mjs"),
        bundle: true,
        format: "esm",
        conditions: ["workerd", "worker", "import"],
      });
      await writeFile(join(folder, "config.capnp"), workersConfig(port));
      return { command: await programIn("@cloudflare", "bin/workerd"), parameters: ["serve", "config.capnp"] };
  }
}

/**
 * Finds a program in the one package of a scope that is for this machine: what its name alone stands for needs an install script.
 *
 * @param {string} scope
 * @param {string} file
 */
async function programIn(scope, file) {
  const folders = await readdir(join(PACKAGES, scope));
  const package_ = folders.find((name) => name.includes(process.platform === "win32" ? "windows" : process.platform));
  if (package_ === undefined) throw new Error(`${scope} has no program for this machine`);
  return join(PACKAGES, scope, package_, file);
}
