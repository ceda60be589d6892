/** The documents, parsed into fences, tables, headings and links. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../pkg-template/tools/process.mjs";

/** Every document, by its path in the checkout. */
export const DOCUMENTS = [
  "README.md",
  "ARCHITECTURE.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "RELEASING.md",
  "docs/promises.md",
  "docs/decisions/README.md",
  "docs/decisions/tabs.md",
  "docs/decisions/time-and-failures.md",
  "docs/decisions/server.md",
  "docs/decisions/size.md",
  "docs/decisions/cold-start.md",
  "docs/decisions/limits.md",
  "pkg-template/README.md",
  "docs/install.md",
  "docs/device-binding.md",
  "docs/recipes.md",
  "docs/passkeys.md",
  "docs/apis.md",
  "docs/api-recipes.md",
  "docs/rendering.md",
  "docs/providers.md",
  "docs/fetch.md",
  "docs/errors.md",
  "docs/csp.md",
  "docs/shells.md",
  "docs/testing.md",
  "docs/migration.md",
  "docs/benchmarks.md",
];

/**
 * A fenced piece of a document.
 *
 * @typedef {object} Snippet
 * @property {string} at document and line, for messages
 * @property {string} language its info string
 * @property {string} text
 */

/**
 * @typedef {object} Document
 * @property {string} path
 * @property {string} text all of it
 * @property {string} prose the text outside of fences
 * @property {readonly Snippet[]} snippets
 */

/**
 * Reads a file of the checkout.
 *
 * @param {string} path
 */
export function read(path) {
  return readFile(join(root, path), "utf8");
}

/** @returns {Promise<Document[]>} */
export function readDocuments() {
  return Promise.all(DOCUMENTS.map(async (path) => parse(path, await read(path))));
}

/** @param {string} path @returns {Promise<Document>} */
export async function readDocument(path) {
  return parse(path, await read(path));
}

/**
 * Splits a document into fences and prose.
 *
 * @param {string} path
 * @param {string} text
 * @returns {Document}
 * @throws if a fence is not closed
 */
export function parse(path, text) {
  /** @type {Snippet[]} */
  const snippets = [];
  const prose = [];
  /** @type {{ at: string, language: string, lines: string[] } | undefined} */
  let open;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^ *```(\S*)/.exec(line);
    if (open && fence) {
      snippets.push({ at: open.at, language: open.language, text: `${open.lines.join("\n")}\n` });
      open = undefined;
    } else if (open) {
      open.lines.push(line);
    } else if (fence) {
      open = { at: `${path}:${index + 1}`, language: fence[1] ?? "", lines: [] };
    } else {
      prose.push(line);
    }
  }
  if (open) throw new Error(`${open.at}: the fence is never closed`);
  return { path, text, prose: prose.join("\n"), snippets };
}

/**
 * The rows of the table whose first column has that heading; the cells are without code marks.
 *
 * @param {Document} document
 * @param {string} heading
 * @returns {string[][]}
 */
export function table(document, heading) {
  const lines = document.prose.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  if (start < 0) throw new Error(`${document.path} has no table that begins with "${heading}"`);
  const after = lines.slice(start + 2);
  const end = after.findIndex((line) => !line.startsWith("|"));
  return after.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The words of a text that are marked as code. @param {string} text */
export function codeIn(text) {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
}

/** The name that a heading has in links, as hosts of repositories make it. @param {string} heading */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The anchors of a document. @param {Document} document */
export function anchors(document) {
  return [...document.prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
}
