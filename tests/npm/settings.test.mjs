import assert from "node:assert/strict";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root, tool } from "../../pkg-template/tools/process.mjs";
import { readDocument } from "../docs/documents.mjs";
import { INSTALLED } from "./package.mjs";

/** Apps whose settings are their own; nothing of the checkout's is found from there but the package. */
const FOLDER = join(root, ".cache", "settings");

/** How TypeScript resolves modules, and which modules that takes. */
const RESOLUTIONS = [
  ["esnext", "bundler"],
  ["node16", "node16"],
  ["nodenext", "nodenext"],
];

/** The compilers: the oldest that the documents promise, and the checkout's. */
const OLDEST = { folder: "typescript-oldest", from: "tests/npm" };
const NEWEST = { folder: "typescript", from: "." };

/** Uses every entry. */
const ENTRIES = `
import { createSession, type Session, type SessionStatus } from "nolapse";
import { createSession as createInline } from "nolapse/inline";
import { createTestSession } from "nolapse/testing";
import { createVerifier, isVerifyError, type Verifier } from "nolapse/server";
import { claims } from "nolapse/verify";
const session: Session<{ id: string }> = createSession<{ id: string }>({ auth: "https://auth.example.com" });
const status: SessionStatus<{ id: string }> = session.status;
if (status.state === "signed_in") status.user.id;
session.close();
const verifier: Verifier = createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
void verifier.verify(new Request("https://api.example.com"));
export const used = [createInline, createTestSession, claims, isVerifyError];
`;

/** Uses what only a newer `lib` has. */
const USING = `
import { createSession } from "nolapse";
{
  using session = createSession({ auth: "https://auth.example.com" });
  void session.status;
}
export const disposable: Disposable = createSession({ auth: "https://auth.example.com" });
disposable[Symbol.dispose]();
`;

/**
 * Compiles an app with settings of its own.
 *
 * @param {string} name
 * @param {typeof NEWEST} compiler
 * @param {readonly string[]} resolution
 * @param {readonly string[]} lib
 * @param {string} code
 */
async function compile(name, { folder, from }, [module, moduleResolution], lib, code) {
  const app = join(FOLDER, name);
  await rm(app, { recursive: true, force: true });
  await mkdir(app, { recursive: true });
  await cp(INSTALLED, join(app, "node_modules", "nolapse"), { recursive: true });
  await writeFile(join(app, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(app, "app.ts"), code);
  const strict = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  };
  const compilerOptions = { ...strict, noEmit: true, types: [], target: "ES2020", lib, module, moduleResolution };
  await writeFile(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
  await tool(`${folder}/bin/tsc`, ["--project", app], { from });
}

for (const resolution of RESOLUTIONS) {
  const how = `${resolution[1]} resolution`;

  test(`the oldest TypeScript accepts every entry strictly, with lib ES2020 and ${how}`, async () => {
    await compile(`oldest-${resolution[1]}`, OLDEST, resolution, ["ES2020", "DOM"], ENTRIES);
  });

  test(`TypeScript accepts every entry strictly, with lib ES2022 and ${how}`, async () => {
    await compile(`newest-${resolution[1]}`, NEWEST, resolution, ["ES2022", "DOM"], ENTRIES);
  });
}

test("a session is disposable where the lib has ESNext.Disposable", async () => {
  const lib = ["ES2022", "DOM", "ESNext.Disposable"];

  await compile("using", NEWEST, ["esnext", "bundler"], lib, USING);
});

test("the documents promise the oldest TypeScript that is tested", async () => {
  const { stdout } = await tool(`${OLDEST.folder}/bin/tsc`, ["--version"], { from: OLDEST.from });
  const { text } = await readDocument("docs/install.md");

  const promised = /TypeScript (\d+\.\d+)/.exec(text)?.[1];

  assert.equal(/\d+\.\d+/.exec(stdout)?.[0], promised);
});
