import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { makeApp, runApp, USE } from "./app.mjs";
import { buildNext, serveNext } from "./next.mjs";

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

  const output = await buildNext(app);
  const { token, complaints } = await runApp(await launchBrowser(t), await serveNext(t, app));

  // On CI, Next.js also warns about a missing build cache.
  assert.doesNotMatch(output.replace(/^.*No build cache found.*$/m, ""), /warn|⚠/i);
  const media = await readdir(join(app, ".next", "static", "media"));
  assert.equal(media.filter((name) => name.endsWith(".wasm")).length, 1, media.join(", "));
  assert.equal(token, "from-the-app");
  assert.deepEqual(complaints, []);
});
