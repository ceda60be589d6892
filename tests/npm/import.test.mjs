import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { npm, run } from "../../pkg-template/tools/process.mjs";
import { TARBALL } from "./package.mjs";

const ENTRIES = ["nolapse", "nolapse/inline", "nolapse/testing", "nolapse/verify"];

/** Globals that an import must not access. */
const TRAPS = [
  "fetch",
  "XMLHttpRequest",
  "WebSocket",
  "BroadcastChannel",
  "Worker",
  "setTimeout",
  "setInterval",
  "queueMicrotask",
  "addEventListener",
  "WebAssembly",
  "document",
  "window",
  "navigator",
  "location",
  "localStorage",
  "indexedDB",
];

/** An empty app that has installed the tarball. */
let app = "";

before(async () => {
  app = await mkdtemp(join(tmpdir(), "nolapse-app-"));
  await writeFile(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await npm(["install", "--offline", "--no-audit", "--no-fund", TARBALL], { cwd: app });
});

after(() => rm(app, { recursive: true, force: true }));

for (const entry of ENTRIES) {
  test(`P35 importing ${entry} in Node does nothing and throws nowhere`, async () => {
    const { output } = await runInApp(`
      for (const name of ${JSON.stringify(TRAPS)}) {
        Object.defineProperty(globalThis, name, { get() { throw new Error(name + " was touched") }, set() { throw new Error(name + " was set") }, configurable: true });
      }
      const before = Reflect.ownKeys(globalThis).length;
      const { createSession, isSessionError } = await import("${entry}");
      if (Reflect.ownKeys(globalThis).length !== before) throw new Error("a global was added");
      if (typeof createSession !== "function" || isSessionError(new Error())) throw new Error("not the package");
      process.on("beforeExit", () => console.log("nothing is pending"));
    `);

    assert.equal(output.trim(), "nothing is pending");
  });

  test(`P35 importing ${entry} in a worker does nothing and throws nowhere`, async () => {
    const { output } = await runInApp(`
      import { Worker } from "node:worker_threads";
      const code = 'import("${entry}").then((all) => require("node:worker_threads").parentPort.postMessage(typeof all.createSession))';
      const worker = new Worker(code, { eval: true });
      worker.on("message", (type) => console.log(type));
      worker.on("error", (error) => { throw error; });
      worker.on("exit", (code) => console.log("exit " + code));
    `);

    assert.equal(output.trim(), "function\nexit 0");
  });
}

test("nolapse/testing can be required", async () => {
  const code = `
    const { createTestSession, isSessionError } = require("nolapse/testing");
    createTestSession().getToken().catch((error) => console.log(isSessionError(error, "signed_out")));
  `;

  const { output } = await runInApp(code, "main.cjs");

  assert.equal(output.trim(), "true");
});

/** @param {string} code */
async function runInApp(code, name = "main.js") {
  const file = join(app, name);
  await writeFile(file, code);
  return run(process.execPath, [file], { cwd: app });
}
