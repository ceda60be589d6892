import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";
import { createTestSession } from "nolapse/testing";

import { root } from "../../pkg-template/tools/process.mjs";
import { until } from "../e2e/harness/until.mjs";
import { readDocument } from "./documents.mjs";

/** The folder for bundled recipes, below the checkout, so that the packages that they import are found. */
const FOLDER = join(root, ".cache", "docs", "recipes");

/** What a recipe exports. @typedef {any} Recipe */

/** The recipes that need a browser: `tests/e2e/{uploads,several-accounts}.test.mjs` run them. */
const IN_BROWSER = ["Uploads with progress", "Several accounts in one browser"];

/** The user of the recipes' session. */
const ADA = { id: "1", email: "ada@example.com" };

/** Numbers the modules: a recipe that runs twice is a new module. */
let followed = 0;

const { snippets, text } = await readDocument("docs/recipes.md");

before(async () => {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
});

/**
 * Runs the recipe below a heading, with a session whose API answers everything with notes.
 *
 * @param {string} heading
 * @returns {Promise<{ recipe: Recipe, session: import("nolapse/testing").TestSession, sent: (string | null)[] }>}
 *   `sent`: the `Authorization` of each call
 */
async function follow(heading) {
  const line = text.split("\n").indexOf(`### ${heading}`);
  assert.ok(line >= 0, `there is no recipe for ${heading}`);
  const snippet = snippets.find(({ at }) => Number(at.split(":").at(-1)) > line);
  /** @type {(string | null)[]} */
  const sent = [];
  const session = createTestSession({
    user: ADA,
    allowedOrigins: ["https://api.example.com"],
    fetch: async (input, init) => {
      const { headers, url } = new Request(input, init);
      sent.push(headers.get("authorization"));
      if (url.endsWith("/news"))
        return new Response("data: news\n\n", { headers: { "content-type": "text/event-stream" } });
      return Response.json({ notes: ["one"], data: { notes: ["one"] } });
    },
  });
  Reflect.set(globalThis, "recipeSession", session);
  const file = join(FOLDER, `${heading.replaceAll(/\W/g, "-")}.mjs`);
  const { outputFiles } = await build({
    stdin: { contents: `const session = globalThis.recipeSession;\n${snippet?.text}`, loader: "tsx", resolveDir: root },
    format: "esm",
    bundle: true,
    packages: "external",
    jsx: "automatic",
    write: false,
  });
  await writeFile(file, outputFiles[0]?.contents ?? "");
  return { recipe: await import(`${pathToFileURL(file).href}?${++followed}`), session, sent };
}

/** Whether each call had a token of the session. @param {(string | null)[]} sent */
function assertBearer(sent, count = 1) {
  assert.equal(sent.length, count);
  for (const header of sent) assert.match(header ?? "", /^Bearer test-token-\d+$/);
}

/** How each client makes a call. @type {[string, (recipe: Recipe) => Promise<unknown>, unknown][]} */
const CLIENTS = [
  ["axios", async ({ api }) => (await api.get("/notes")).data.notes, ["one"]],
  ["ky", async ({ api }) => (await api.get("notes").json()).notes, ["one"]],
  ["openapi-fetch", async ({ api }) => (await api.GET("/notes")).data.notes, ["one"]],
  ["urql", async ({ api }) => (await api.query("{ notes }", {}).toPromise()).data.notes, ["one"]],
  ["TanStack Query", ({ queries, notes }) => queries.fetchQuery(notes), ["one"]],
];

for (const [name, call, expected] of CLIENTS) {
  test(`the recipe for ${name} sends the token, and a new one when that is old`, async () => {
    const { recipe, session, sent } = await follow(name);

    assert.deepEqual(await call(recipe), expected);
    await session.test.advance(55_000);
    recipe.queries?.clear();
    if (name === "urql") recipe.api.query("{ other }", {}).toPromise();
    else await call(recipe);

    await until("the second call was sent", () => sent.length === 2);
    assertBearer(sent, 2);
    assert.notEqual(sent[0], sent[1]);
  });
}

test("the recipe for TanStack Query clears a user's data at the sign-out", async () => {
  const { recipe, session } = await follow("TanStack Query");
  await recipe.queries.fetchQuery(recipe.notes);

  await session.signOut();

  assert.equal(recipe.queries.getQueryData(["notes"]), undefined);
  await assert.rejects(recipe.queries.fetchQuery(recipe.notes), { code: "signed_out" });
});

test("the recipe for React renders where the session stands, on a server too", async () => {
  const { recipe } = await follow("React");
  const { createElement } = await import("react");
  const { renderToString } = /** @type {{ renderToString: (element: unknown) => string }} */ (
    await import(/** @type {string} */ ("react-dom/server"))
  );

  assert.match(renderToString(createElement(recipe.Greeting)), /Hello, .*ada@example\.com/);
});

test("the recipe for Svelte follows the session, and lets go of it", async () => {
  const { recipe, session } = await follow("Svelte");
  /** @type {unknown[]} */
  const seen = [];

  const end = recipe.email.subscribe((/** @type {unknown} */ value) => seen.push(value));
  await session.test.end();
  end();

  assert.deepEqual(seen, [ADA.email, undefined]);
  assert.equal(session.test.listeners, 0);
});

test("the recipe for Vue follows the session, and lets go of it", async () => {
  const { recipe, session } = await follow("Vue");
  const { effectScope } = await import("vue");
  const scope = effectScope();

  const status = scope.run(() => recipe.useSession());
  await session.test.end();
  assert.equal(status.value.state, "signed_out");
  scope.stop();

  assert.equal(session.test.listeners, 0);
});

test("the recipe for WebSocket opens again with a new token, and after the next sign-in", async (t) => {
  const { recipe, session } = await follow("WebSocket");
  /** @type {{ protocols: string[], onclose: () => void, close: () => void }[]} */
  const sockets = [];
  const native = Reflect.get(globalThis, "WebSocket");
  t.after(() => Reflect.set(globalThis, "WebSocket", native));
  class Socket {
    /** @param {string} _url @param {string[]} protocols */
    constructor(_url, protocols) {
      this.protocols = protocols;
      sockets.push(this);
    }
    onclose() {}
    close() {
      this.onclose();
    }
  }
  Reflect.set(globalThis, "WebSocket", Socket);
  const end = new AbortController();

  recipe.connect(() => {}, end.signal);
  await until("the first socket", () => sockets.length === 1);
  await session.test.advance(55_000);
  sockets[0]?.onclose();
  await until("the second socket", () => sockets.length === 2);
  await session.test.end();
  sockets[1]?.onclose();
  await until("it waits for a sign-in", () => session.test.listeners === 1);
  session.test.signIn(ADA);
  await until("the third socket", () => sockets.length === 3);
  end.abort();

  const tokens = sockets.map(({ protocols }) => protocols.join());
  for (const token of tokens) assert.match(token, /^bearer,test-token-\d+$/);
  assert.equal(new Set(tokens).size, 3);
});

test("the recipe for EventSource sends the token", async () => {
  const { recipe, sent } = await follow("EventSource");

  const source = recipe.news();
  const { data } = await new Promise((resolve) => source.addEventListener("message", resolve));
  source.close();

  assert.equal(data, "news");
  assertBearer(sent.slice(0, 1));
});

test("every recipe is run", async () => {
  const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, heading = ""]) => heading);
  const frameworks = ["React", "Svelte", "Vue"];
  const run = [...CLIENTS.map(([name]) => name), ...frameworks, "WebSocket", "EventSource", ...IN_BROWSER];

  assert.deepEqual(headings.sort(), run.sort());
});
