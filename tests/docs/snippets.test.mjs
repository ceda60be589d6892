import assert from "node:assert/strict";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root, run, tool } from "../../pkg-template/tools/process.mjs";
import { parse, read, readDocuments } from "./documents.mjs";
import { complaintsAbout } from "./shell.mjs";

/**
 * The allowed info strings: each language has a test, `html` in `tests/packed`, `json` in `tests/e2e/shells.test.mjs` and
 * `tests/frameworks`, `python` and `toml` in `tests/apis`; `js`, `jsx`, `svelte` and `vue` are files of the apps of
 * `docs/rendering.md`, which are run as they are; `text` is for diagrams and headers.
 */
const LANGUAGES = ["sh", "ts", "tsx", "js", "jsx", "svelte", "vue", "html", "json", "rust", "python", "toml", "text"];

/** The folder in which snippets are compiled. */
const FOLDER = join(root, ".cache", "docs");

/** Declarations for snippets that show a part of an app. */
const GIVEN = 'declare const session: import("nolapse").Session<{ id: string; email: string }>;';

const documents = await readDocuments();
const examples = await Promise.all(
  ["errors", "index", "server", "testing", "verify"].map((entry) => readExamples(`pkg-template/${entry}.d.ts`)),
);
const snippets = [...documents.flatMap((document) => document.snippets), ...examples.flat()];

/** @param {readonly string[]} languages */
function inLanguage(languages) {
  const found = snippets.filter(({ language }) => languages.includes(language));
  assert.ok(found.length > 0, `no snippet in ${languages}`);
  return found;
}

test("every fence names a language that is checked", () => {
  assert.deepEqual(
    snippets.filter(({ language }) => !LANGUAGES.includes(language)).map(({ at, language }) => `${at}: "${language}"`),
    [],
  );
});

test("every shell command exists, with its scripts, stages, packages and features", async () => {
  const complaints = [];
  for (const { at, text } of inLanguage(["sh"])) complaints.push(...(await complaintsAbout(at, text)));

  assert.deepEqual(complaints, []);
});

test("a shell command that does not exist is complained of", async () => {
  const wrong = [
    "npm run dmeo",
    "npm test -- --only nothing",
    "npm install nolaps",
    "cargo test --test nothing",
    "rm x",
  ];

  for (const command of wrong) assert.equal((await complaintsAbout("here", command)).length, 1, command);
  assert.deepEqual(await complaintsAbout("here", "NOTHING=1 npm test"), ["here: nothing reads NOTHING"]);
});

test("every TypeScript snippet compiles strictly against the package's types", async () => {
  // `tests/apis` compiles the recipes for servers, against types that a page does not have.
  await writeTypeScript(inLanguage(["ts", "tsx"]).filter(({ at }) => !/^docs\/api/.test(at)));

  await tool("typescript/bin/tsc", ["--project", join(FOLDER, "ts", "tsconfig.json")]);
});

test("a TypeScript snippet that is wrong does not compile", async () => {
  const text = 'import { createSession } from "nolapse";\ncreateSession({ auth: "/", retries: 3 });\n';
  await writeTypeScript([{ at: "wrong", language: "ts", text }]);

  const compiling = tool("typescript/bin/tsc", ["--project", join(FOLDER, "ts", "tsconfig.json")]);

  await assert.rejects(compiling, /retries/);
});

test("every Rust snippet compiles for browsers as a user's code", async () => {
  // `tests/apis` compiles the recipes for servers.
  await writeCrate(inLanguage(["rust"]).filter(({ at }) => !at.startsWith("docs/api-recipes.md")));

  const target = ["--target", "wasm32-unknown-unknown", "--target-dir", join(root, "target")];
  await run("cargo", ["check", "--quiet", "--manifest-path", join(FOLDER, "rust", "Cargo.toml"), ...target], {
    env: { RUSTFLAGS: "-D warnings -A dead_code" },
  });
});

/**
 * The examples in the comments of a file of declarations.
 *
 * @param {string} path
 */
async function readExamples(path) {
  const comments = (await read(path)).replaceAll(/^ *\*\/?( |$)/gm, "");
  const examples = parse(path, comments).snippets;
  assert.ok(examples.length > 0, `${path} has no example`);
  return examples;
}

/**
 * Writes snippets as modules of an app: each by itself, with the project's own strictness.
 *
 * @param {readonly import("./documents.mjs").Snippet[]} modules
 */
async function writeTypeScript(modules) {
  const folder = join(FOLDER, "ts");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const { at, language, text } of modules) {
    const name = `${at.replaceAll(/[^\w]+/g, "-")}.${language}`;
    const given = /\bconst session\b/.test(text) ? "" : `${GIVEN}\n`;
    // At the end, so that errors have the line of the fence.
    await writeFile(join(folder, name), `${text}${given}export {};\n`);
  }
  const settings = {
    extends: "../../../tsconfig.base.json",
    compilerOptions: {
      // A snippet may end with a binding that it does not use.
      noUnusedLocals: false,
      jsx: "react-jsx",
      paths: {
        nolapse: [join(root, "pkg-template/index.d.ts")],
        "nolapse/inline": [join(root, "pkg-template/inline.d.ts")],
        "nolapse/server": [join(root, "pkg-template/server.d.ts")],
        "nolapse/testing": [join(root, "pkg-template/testing.d.ts")],
        "nolapse/verify": [join(root, "pkg-template/verify.d.ts")],
        // The test runner of the packed apps.
        vitest: [join(root, "tests/packed/node_modules/vitest")],
        "@jest/globals": [join(root, "tests/packed/node_modules/@jest/globals")],
      },
    },
    include: ["*.ts", "*.tsx"],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
}

/**
 * Writes snippets as modules of a crate that depends on this one, with the versions of the lock file. A snippet
 * without a function of its own is the body of one.
 *
 * @param {readonly import("./documents.mjs").Snippet[]} modules
 */
async function writeCrate(modules) {
  const folder = join(FOLDER, "rust");
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "src"), { recursive: true });
  const parts = modules.map(({ at, text }, index) => {
    const body = /\bfn \w+/.test(text) ? text : `pub fn snippet() {\n${text}}\n`;
    return `/// ${at}\nmod snippet_${index} {\n${body}}\n`;
  });
  const own = await read("Cargo.toml");
  const edition = /edition = "(\d+)"/.exec(own)?.[1];
  const manifest = `[package]
name = "documents"
version = "0.0.0"
edition = "${edition}"

[workspace]

[dependencies]
nolapse = { path = ${JSON.stringify(root)} }
serde = { version = "1", features = ["derive"] }
wasm-bindgen = "*"
web-sys = { version = "*", features = ["Request", "Response"] }
`;
  await cp(join(root, "Cargo.lock"), join(folder, "Cargo.lock"));
  await writeFile(join(folder, "Cargo.toml"), manifest);
  await writeFile(join(folder, "src", "lib.rs"), parts.join("\n"));
}
