import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { root } from "../../pkg-template/tools/process.mjs";
import { anchors, codeIn, read, readDocument, readDocuments } from "./documents.mjs";

/** Folders that have tests, with the endings of the files that hold them. */
const TESTED = ["src", "tests", "www-demo/server/src", "www-demo/server/tests", "www-demo/server/domain"];

const documents = await readDocuments();

/**
 * The violations of a check in all documents, each with the document's name.
 *
 * @param {(document: import("./documents.mjs").Document) => Iterable<string> | Promise<Iterable<string>>} check
 */
async function complaints(check) {
  const lists = documents.map(async (document) =>
    [...(await check(document))].map((one) => `${document.path}: ${one}`),
  );
  return (await Promise.all(lists)).flat();
}

test("every link within the checkout leads somewhere", async () => {
  const dead = await complaints(async (document) => {
    const links = [...document.prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const wrong = [];
    for (const link of links.filter((link) => !/^[a-z]+:/.test(link))) {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? document.path : join(dirname(document.path), path);
      if (!existsSync(join(root, target))) wrong.push(link);
      else if (anchor && !anchors(await readDocument(target)).includes(anchor)) wrong.push(link);
    }
    return wrong;
  });

  assert.deepEqual(dead, []);
});

test("the package's README, which is read elsewhere, has no link into the checkout", async () => {
  const { prose } = await readDocument("pkg-template/README.md");

  assert.doesNotMatch(prose, /\]\((?!https:)/);
});

test("every file and folder that is named is there", async () => {
  const missing = await complaints(({ prose }) =>
    codeIn(prose)
      .filter((word) => /^(src|tests|www-demo|pkg-template)\/[\w./-]+$/.test(word))
      // `src/npm` is a module of a file and a folder.
      .filter((word) => !existsSync(join(root, word)) && !existsSync(join(root, `${word}.rs`))),
  );

  assert.deepEqual(missing, []);
});

test("no document names a machine's folders or hosts", async () => {
  const tell = [homedir(), root.replace(/\/$/, ""), `//${hostname()}`, "/tmp/", "../shared"];

  const found = await complaints(({ text }) => tell.filter((word) => text.includes(word)));

  assert.deepEqual(found, []);
});

test("every promise is named by a test, and every named one is in the list", async () => {
  const promises = await promisesListed();
  const tested = await numbersInTests();

  assert.deepEqual(without(promises, tested), [], "kept by no test");
  assert.deepEqual(without(tested, promises), [], "named by tests and explained nowhere");
  assert.equal(promises.size, 57);
});

test("no document names a promise that does not exist", async () => {
  const known = await promisesListed();

  const unknown = await complaints(({ text }) => without(new Set(text.match(/\bP\d\d\b/g) ?? []), known));

  assert.deepEqual(unknown, []);
});

/** The numbers of `docs/promises.md`. */
async function promisesListed() {
  const { text } = await readDocument("docs/promises.md");
  return new Set([...text.matchAll(/^\| (P\d\d) \|/gm)].map(([, number = ""]) => number));
}

/** The numbers that tests name: functions such as `p02_p08_…` in Rust, and titles such as `"P02 P08 …"`. */
async function numbersInTests() {
  /** @type {Set<string>} */
  const numbers = new Set();
  for (const folder of TESTED) {
    const names = await readdir(join(root, folder), { recursive: true });
    for (const name of names.filter((name) => /\.(rs|mjs)$/.test(name) && !name.includes("node_modules"))) {
      const text = await read(join(folder, name));
      const titles = [...text.matchAll(/\bfn ((?:p\d\d_)+)|\btest\(\s*["`]((?:P\d\d )+)/g)];
      for (const [title] of titles) for (const [number] of title.matchAll(/p\d\d/gi)) numbers.add(number.toUpperCase());
    }
  }
  return numbers;
}

/**
 * @param {Set<string>} some
 * @param {Set<string>} others
 */
function without(some, others) {
  return [...some].filter((one) => !others.has(one)).sort();
}
