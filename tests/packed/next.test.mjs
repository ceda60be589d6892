import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root, start, tool } from "../../pkg-template/tools/process.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { until } from "../e2e/harness/until.mjs";
import { makeApp, runApp, USE } from "./app.mjs";

/** The command line of Next.js. */
const NEXT = "next/dist/bin/next";

/** Disables the telemetry of Next.js. */
const QUIET = { NEXT_TELEMETRY_DISABLED: "1" };

const APP = {
  // As `create-next-app` creates it; without it, Next.js would use this checkout's settings for TypeScript.
  "jsconfig.json": "{}",
  "app/layout.jsx": `
    export const metadata = { icons: { icon: "data:," } };
    export default function Layout({ children }) {
      return <html lang="en"><body>{children}</body></html>;
    }`,
  // A server component, which imports the package and runs while the app is built.
  "app/page.jsx": `
    import { isSessionError } from "nolapse";
    import { Token } from "./token.jsx";
    export default function Page() {
      return <main>{isSessionError(new Error()) ? "wrong" : "rendered on the server"}<Token /></main>;
    }`,
  "app/token.jsx": `
    "use client";
    import { createSession } from "nolapse";
    import { useEffect } from "react";
    async function show() {${USE}}
    export function Token() {
      useEffect(() => void show(), []);
      return null;
    }`,
};

test("P37 a Next.js app with a server component builds without configuration, and runs", async (t) => {
  const app = await makeApp(t, APP, { inside: ".cache/packed" });

  const { output } = await tool(NEXT, ["build"], { cwd: app, env: QUIET, from: "tests/packed" });
  const { token, complaints } = await runApp(await launchBrowser(t), await serve(t, app));

  // On CI, Next.js also warns about a missing build cache.
  assert.doesNotMatch(output.replace(/^.*No build cache found.*$/m, ""), /warn|⚠/i);
  const media = await readdir(join(app, ".next", "static", "media"));
  assert.equal(media.filter((name) => name.endsWith(".wasm")).length, 1, media.join(", "));
  assert.equal(token, "from-the-app");
  assert.deepEqual(complaints, []);
});

/**
 * Serves the built app with Next.js's own server, on a free port.
 *
 * @param {import("node:test").TestContext} test the server ends with it
 * @param {string} app
 * @returns {Promise<string>} its origin
 */
async function serve(test, app) {
  const parameters = [join(root, "tests/packed/node_modules", NEXT), "start", "--port", "0", "--hostname", "localhost"];
  const server = start(process.execPath, parameters, { cwd: app, env: { ...QUIET, NO_COLOR: "1" } });
  test.after(() => server.kill("SIGKILL"));
  let printed = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
  }
  return until("Next.js says where it listens", () => /http:\/\/localhost:\d+/.exec(printed)?.[0], { within: 30_000 });
}
