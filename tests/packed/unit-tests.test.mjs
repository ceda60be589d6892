import assert from "node:assert/strict";
import { test } from "node:test";

import { transform } from "esbuild";

import { tool } from "../../pkg-template/tools/process.mjs";
import { readDocument } from "../docs/documents.mjs";
import { makeApp } from "./app.mjs";

/** The recipe for React, as the documents have it, and a page that shows the user. */
const APP = {
  "src/session.js": `
    import { createSession } from "nolapse";
    export const session = createSession({ auth: "https://auth.example.com", allowedOrigins: ["https://api.example.com"] });`,
  "src/greeting.js": `
    import { createElement, useSyncExternalStore } from "react";
    export function Greeting({ session }) {
      const status = useSyncExternalStore(session.subscribe, session.getSnapshot);
      return createElement("p", null, status.state === "signed_in" ? "Hello, " + status.user.name : status.state);
    }
    export async function notes(session) {
      const answer = await session.fetch("https://api.example.com/notes");
      return answer.json();
    }`,
};

const told = await readDocument("docs/testing.md");

/** The test that the documents show. @param {string} runner what it imports */
function toldTest(runner) {
  const snippet = told.snippets.find(({ text }) => text.includes(`from "${runner}"`));
  assert.ok(snippet, `docs/testing.md has no test for ${runner}`);
  return snippet.text;
}

/** Tests of an app; the runner's functions are global. */
const TESTS = `
  test("the page says who is signed in, and leaves one of everything behind in strict mode", async () => {
    globalThis.IS_REACT_ACT_ENVIRONMENT = true;
    const session = createTestSession({ user: { name: "Ada" } });
    const place = document.body.appendChild(document.createElement("main"));
    const root = createRoot(place);
    await act(() => root.render(createElement(StrictMode, null, createElement(Greeting, { session }))));
    expect(place.textContent).toBe("Hello, Ada");
    expect(session.test.listeners).toBe(1);
    await act(() => session.test.end("revoked"));
    expect(place.textContent).toBe("signed_out");
    await act(() => root.unmount());
    expect(session.test.listeners).toBe(0);
  });

  test("calls carry a token, which is renewed when its time has come", async () => {
    const sent = [];
    const session = createTestSession({
      user: { name: "Ada" },
      allowedOrigins: ["https://api.example.com"],
      fetch: async ({ headers }) => {
        sent.push(headers.get("authorization"));
        return { status: 200, headers: new Headers(), json: async () => ["a note"] };
      },
    });
    expect(await notes(session)).toEqual(["a note"]);
    await session.test.advance(55_000);
    await notes(session);
    expect(new Set(sent).size).toBe(2);
    expect(session.test.refreshes).toBe(1);
  });

  test("a sign-in through a provider is told to the next page, and one in a pop-up to the same", async () => {
    const session = createTestSession({ page: "https://app.example.com/" });
    session.signIn({ provider: "google", returnTo: "/notes" });
    let page = await session.test.returnWith({ error: "provider_denied" });
    await page.ready;
    expect([page.signInError.code, page.test.location]).toEqual(["provider_denied", "https://app.example.com/notes"]);
    page.signIn({ provider: "google" });
    page = await page.test.returnWith({ user: { name: "Ada" } });
    await page.test.advance(0);
    expect([page.status.user, page.signInError]).toEqual([{ name: "Ada" }, null]);
    await page.signOut({ atProvider: true });
    expect(page.test.location).toBe("https://google.test/sign-out");
    const other = createTestSession({ page: "https://app.example.com/" });
    const done = other.signIn({ provider: "google", display: "popup" });
    await other.test.returnWith({ user: { name: "Bob" } });
    await done;
    expect(other.status.user).toEqual({ name: "Bob" });
    const left = other.signIn({ provider: "google" }).catch((error) => error.name);
    await other.test.returnWith(null);
    expect(await left).toBe("AbortError");
  });
`;

const IMPORTS = `
  import { act, createElement, StrictMode } from "react";
  import { createRoot } from "react-dom/client";
  import { createTestSession } from "nolapse/testing";
  import { Greeting, notes } from "../src/greeting.js";
`;

test("P36 P37 an app's unit tests run in Vitest with jsdom, with nolapse/testing in the place of nolapse", async (t) => {
  const files = {
    ...APP,
    "test/greeting.test.js": `// @vitest-environment jsdom
      import { expect, test, vi } from "vitest";
      ${IMPORTS}
      vi.mock("nolapse", () => import("nolapse/testing"));
      ${TESTS}
      test("the app's own session is one that the test moves", async () => {
        const { session } = await import("../src/session.js");
        session.test.signIn({ name: "Ada" });
        expect(session.status.state).toBe("signed_in");
      });`,
  };
  const app = await makeApp(t, { ...files, "test/told.test.ts": toldTest("vitest") }, { inside: ".cache/packed" });

  const { output } = await tool("vitest/vitest.mjs", ["run"], { cwd: app, from: "tests/packed" });

  assert.match(output, /Tests\s+5 passed/);
});

test("P36 P37 an app's unit tests run in Jest with jsdom, which knows no ES modules by itself", async (t) => {
  const files = {
    ...APP,
    // Without `"type": "module"`: Jest loads everything by `require`.
    "package.json": JSON.stringify({ name: "app", private: true }),
    "src/greeting.js": asCommonJs(APP["src/greeting.js"]),
    "src/session.js": `
      const { createSession } = require("nolapse");
      exports.open = () => createSession({ auth: "https://auth.example.com" });`,
    "test/greeting.test.js": `/** @jest-environment jsdom */
      jest.mock("nolapse", () => require("nolapse/testing"));
      ${asCommonJs(IMPORTS)}
      ${TESTS}
      test("the app's own session is one that the test moves", async () => {
        const session = await require("../src/session.js").open();
        session.test.signIn({ name: "Ada" });
        expect(session.status.state).toBe("signed_in");
      });`,
  };
  // Jest's users have a plugin that strips types and turns imports into `require`; esbuild stands in for it.
  const { code } = await transform(toldTest("@jest/globals").replace(/^(jest\.mock.*)$/m, ""), {
    loader: "ts",
    format: "cjs",
  });
  const mocked = 'jest.mock("nolapse", () => jest.requireActual("nolapse/testing"));';
  assert.ok(toldTest("@jest/globals").includes(mocked));
  const app = await makeApp(t, { ...files, "test/told.test.js": `${mocked}\n${code}` }, { inside: ".cache/packed" });

  const { output } = await tool("jest/bin/jest.js", ["--rootDir", app], { cwd: app, from: "tests/packed" });

  assert.match(output, /Tests:\s+5 passed/);
});

/**
 * Converts modules to CommonJS.
 *
 * @param {string} code
 */
function asCommonJs(code) {
  const names = [...code.matchAll(/export (?:async )?function (\w+)/g)].map(([, name]) => name);
  return `${code.replaceAll(/import (\{[^}]+\}) from ("[^"]+");/g, "const $1 = require($2);").replaceAll("export ", "")}
    Object.assign(exports, { ${names.join(", ")} });`;
}
