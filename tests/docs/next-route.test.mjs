import { test } from "node:test";

import { checkRoute, compileRecipe } from "../apis/recipes.mjs";
import { startServer } from "../e2e/harness/server.mjs";
import { makeApp } from "../packed/app.mjs";
import { buildNext, serveNext } from "../packed/next.mjs";

const LAYOUT = `
export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}`;

test("P46 the recipe for a route handler of Next.js lets in who has a token, and challenges all others", async (t) => {
  const server = await startServer(t);
  const files = {
    "jsconfig.json": "{}",
    "app/layout.jsx": LAYOUT,
    "app/me/route.js": await compileRecipe("next", server),
  };
  const app = await makeApp(t, files, { inside: ".cache/packed" });

  await buildNext(app);

  await checkRoute(`${await serveNext(t, app)}/me`, server, { seesFirstHeaderOnly: true });
});
