import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";

import { run } from "../../pkg-template/tools/process.mjs";
import { makeApp } from "./package.mjs";

/** Globals that an import must not access. */
const TRAPS = ["fetch", "setTimeout", "setInterval", "queueMicrotask", "addEventListener", "WebAssembly", "document"];

test("P35 importing nolapse/server does nothing, and neither does creating a verifier", async (t) => {
  const { folder, remove } = await makeApp({
    "main.js": `
      for (const name of ${JSON.stringify(TRAPS)}) {
        Object.defineProperty(globalThis, name, { get() { throw new Error(name + " was touched") }, configurable: true });
      }
      const before = Reflect.ownKeys(globalThis).length;
      const { createVerifier } = await import("nolapse/server");
      createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
      if (Reflect.ownKeys(globalThis).length !== before) throw new Error("a global was added");
      process.on("beforeExit", () => console.log("nothing is pending"));
    `,
  });
  t.after(remove);

  const { output } = await run(process.execPath, ["main.js"], { cwd: folder });

  assert.equal(output.trim(), "nothing is pending");
});

test("a bundle has only what is used of nolapse/server, and only the signatures of jose", async (t) => {
  const { folder, remove } = await makeApp();
  t.after(remove);
  /** @param {string} name */
  const bundled = async (name) => {
    const file = join(folder, `${name}.js`);
    await writeFile(file, `export { ${name} } from "nolapse/server";`);
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
    });
    return outputFiles[0]?.text ?? "";
  };

  const [verifier, guard] = [await bundled("createVerifier"), await bundled("isVerifyError")];

  t.diagnostic(`createVerifier: ${verifier.length} bytes with jose; isVerifyError: ${guard.length} bytes`);
  assert.ok(guard.length < 300, `${guard.length} bytes`);
  for (const absent of ["WebAssembly", "A128KW", "PBES2"]) assert.ok(!verifier.includes(absent), absent);
});
