import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { root, run } from "../../pkg-template/tools/process.mjs";
import { INSTALLED, TARBALL } from "./package.mjs";

/** The files of the tarball. */
const FILES = [
  "LICENSE-APACHE",
  "LICENSE-MIT",
  "README.md",
  "claims.d.ts",
  "early.js",
  "errors.d.ts",
  "facade.js",
  "events.d.ts",
  "index.d.ts",
  "index.js",
  "inline.d.ts",
  "inline.js",
  "bridge.js",
  "nolapse.js",
  "nolapse_bg.wasm",
  "nolapse_bytes.js",
  "nolapse_js.js",
  "nolapse_verify.js",
  "nolapse_verify_bg.wasm",
  "options.d.ts",
  "package.json",
  "new-key.js",
  "passkeys.d.ts",
  "passkeys.js",
  "provider.js",
  "push.js",
  "rendering.d.ts",
  "server.d.ts",
  "server.js",
  "step-up.js",
  "testing.cjs",
  "testing.d.cts",
  "testing.d.ts",
  "testing.js",
  "verify.d.ts",
  "verify.js",
];

const MODULES = FILES.filter((file) => file.endsWith(".wasm"));

test("the tarball holds exactly the files that it should", async () => {
  const { stdout } = await run("tar", ["-tzf", TARBALL]);

  const packed = stdout.trim().split("\n");

  assert.deepEqual(packed.map((path) => path.replace(/^package\//, "")).sort(), FILES.toSorted());
});

test("the package has the crate's version, no dependencies but an optional one, and no scripts", async () => {
  const manifest = JSON.parse(await readFile(join(INSTALLED, "package.json"), "utf8"));
  const crate = await readFile(join(root, "Cargo.toml"), "utf8");

  assert.equal(manifest.version, /\[workspace\.package\]\s+version = "([^"]+)"/.exec(crate)?.[1]);
  assert.equal(manifest.sideEffects, false);
  for (const absent of ["dependencies", "scripts"]) assert.equal(manifest[absent], undefined);
  assert.deepEqual(Object.keys(manifest.peerDependencies), ["jose"]);
  assert.deepEqual(Object.keys(manifest["//peerDependencies"]), ["jose"]);
  assert.deepEqual(manifest.peerDependenciesMeta, { jose: { optional: true } });
});

test("nolapse/server imports jose and nothing else, and nothing else imports jose", async () => {
  for (const file of FILES.filter((file) => file.endsWith("js"))) {
    const script = await readFile(join(INSTALLED, file), "utf8");

    const wanted = [...script.matchAll(/^import [^"]*"([^"]+)";$/gm)].map(([, from]) => from);

    if (file === "server.js") assert.deepEqual([...new Set(wanted)], ["jose"]);
    else assert.ok(!wanted.includes("jose"), file);
  }
});

test("no file of the package has the path of its build", async () => {
  const names = [homedir(), root.replace(/\/$/, ""), hostname()].filter((name) => name.length > 3);
  const tell = [...names, "registry/src", "index.crates.io", ".cargo", ".rustup"];

  for (const file of FILES) {
    const bytes = await readFile(join(INSTALLED, file));
    for (const word of tell) assert.ok(!bytes.includes(word), `${file} has "${word}"`);
  }
});

test("the modules ask nothing of the page but their own glue", async () => {
  for (const file of MODULES) {
    const module = new WebAssembly.Module(await readFile(join(INSTALLED, file)));

    const sources = new Set(WebAssembly.Module.imports(module).map((wanted) => wanted.module));

    // The build calls the generated glue `a`.
    assert.deepEqual([...sources], ["a"], file);
  }
});

test("nolapse/inline has the module of nolapse, byte for byte", async () => {
  const { default: base64 } = await import(pathToFileURL(join(INSTALLED, "nolapse_bytes.js")).href);

  assert.ok(Buffer.from(base64, "base64").equals(await readFile(join(INSTALLED, "nolapse_bg.wasm"))));
});

test("nothing but the entries says where a module is, so that bundlers take no file that is not needed", async () => {
  for (const file of FILES.filter((file) => file.endsWith("js") && !["index.js", "verify.js"].includes(file))) {
    assert.ok(!(await readFile(join(INSTALLED, file), "utf8")).includes("import.meta"), file);
  }
});
