import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { PYTHON } from "../tools/python.mjs";
import { signUp } from "./auth.mjs";
import { LIBRARIES, versionOf } from "./libraries.mjs";
import { importServer } from "./package.mjs";
import { buildRust } from "./rust.mjs";

/** @typedef {import("./libraries.mjs").Case} Case */

/**
 * What a library has said: why it refuses the token of an algorithm, or nothing.
 *
 * @typedef {{ [alg: string]: string | null }} Verdicts
 */

/** The settings of `SIGNING_ALG`. */
const ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256"];

/** The document that has the table, between its heading and an empty line. */
const DOCUMENT = join(root, "docs", "apis.md");

const HEADING = `| library | version | what has to be told to it | ${ALGORITHMS.map((alg) => `\`${alg}\``).join(" | ")} |`;

/** How a library of Python or Rust is told. */
const OPTIONS = new Map([
  ["PyJWT", "`algorithms`"],
  ["python-jose", "`algorithms`"],
  ["joserfc", "`algorithms`"],
  ["Authlib", "`JsonWebToken([…])`"],
  ["jwcrypto", "`algs`"],
]);

/**
 * Starts an auth server of each algorithm, and signs a user up at each.
 *
 * @param {import("node:test").TestContext} t
 * @returns {Promise<Case[]>}
 */
function issueTokens(t) {
  return Promise.all(
    ALGORITHMS.map(async (alg) => {
      const server = await startServer(t, { SIGNING_ALG: alg });
      const { token } = await signUp(server);
      const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
      assert.deepEqual([header.alg, header.typ], [alg, "at+jwt"]);
      const jwksUri = `${server.auth}/.well-known/jwks.json`;
      const jwks = await (await fetch(jwksUri)).json();
      return { alg, token, issuer: server.auth, audience: server.api, jwksUri, jwks };
    }),
  );
}

/**
 * Judges every token in this process.
 *
 * @param {(given: Case) => Promise<unknown>} judge
 * @param {readonly Case[]} cases
 * @returns {Promise<Verdicts>}
 */
async function verdictsOf(judge, cases) {
  /** @type {Verdicts} */
  const verdicts = {};
  for (const given of cases) {
    try {
      await judge(given);
      verdicts[given.alg] = null;
    } catch (error) {
      verdicts[given.alg] = String(error);
    }
  }
  return verdicts;
}

/**
 * Judges every token in another program.
 *
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {readonly Case[]} cases
 * @returns {Promise<unknown>} what it prints
 */
function ask(command, parameters, cases) {
  return new Promise((resolve, reject) => {
    const child = execFile(command, parameters, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    );
    child.stdin?.end(JSON.stringify(cases));
  });
}

/** @param {readonly string[]} cells @param {Verdicts} verdicts */
function row(cells, verdicts) {
  const words = ALGORITHMS.map((alg) => (verdicts[alg] === null ? "yes" : "**no**"));
  return `| ${[...cells, ...words].join(" | ")} |`;
}

/** The version of a crate that the recipes are compiled with. @param {string} name */
async function crateVersion(name) {
  const lock = await readFile(join(root, "tests", "apis", "rust", "Cargo.lock"), "utf8");
  return new RegExp(`name = "${name}"\\nversion = "([^"]+)"`).exec(lock)?.[1] ?? "";
}

test("part2 the document says which library accepts the tokens of which algorithm", async (t) => {
  const program = await buildRust();
  const { createVerifier } = await importServer(t);
  const cases = await issueTokens(t);
  /** @type {string[]} */
  const rows = [];
  /** @param {readonly string[]} cells @param {Verdicts} verdicts */
  const add = (cells, verdicts) => {
    rows.push(row(cells, verdicts));
    t.diagnostic(`${cells[0]}: ${JSON.stringify(verdicts)}`);
  };

  const own = await verdictsOf(
    ({ token, issuer, audience }) => createVerifier({ issuer, audience }).verify(token),
    cases,
  );
  add(["`nolapse/server`", "this one", "nothing"], own);
  for (const { name, beside, options, judge } of LIBRARIES) {
    const packages = [name, ...(beside ? [beside] : [])];
    const versions = await Promise.all(packages.map(versionOf));
    add(
      [packages.map((part) => `\`${part}\``).join(" and "), versions.join(" and "), options],
      await verdictsOf(judge, cases),
    );
  }
  const script = join(root, "tests", "apis", "python", "table.py");
  const inPython = /** @type {{ [name: string]: { version: string, verdicts: Verdicts } }} */ (
    await ask(PYTHON, [script], cases)
  );
  for (const [name, { version, verdicts }] of Object.entries(inPython))
    add([`${name} (Python)`, version, OPTIONS.get(name) ?? ""], verdicts);
  const inRust = /** @type {Verdicts} */ (await ask(program("table"), [], cases));
  add(["`jsonwebtoken` (Rust)", await crateVersion("jsonwebtoken"), "`Validation::new`"], inRust);

  assert.ok(rows.length > 12);
  for (const cells of rows)
    assert.match(cells, /^\|(?:[^|]+\|){3} yes \|/, "ES256 is the default because all accept it");
  const seen = [HEADING, `| --- | --- | --- |${" --- |".repeat(ALGORITHMS.length)}`, ...rows].join("\n");
  const text = await readFile(DOCUMENT, "utf8");
  const told = /^\| library \| version \|.*(?:\n\|.*)*/m.exec(text)?.[0] ?? "";
  if (process.env.NOLAPSE_SNAPSHOT === "write")
    await writeFile(
      DOCUMENT,
      text.replace(told, () => seen),
    );
  else assert.equal(told, seen, "where that is meant: NOLAPSE_SNAPSHOT=write npm test -- --only apis --grep document");
});
