import { describe, test } from "node:test";

import { forge } from "./forgeries.mjs";
import { Key, startIssuer } from "./issuer.mjs";
import { checkLibraryRoute, checkWithoutKeys } from "./library-recipes.mjs";
import { runPython } from "./python.mjs";
import { runRecipe } from "./running.mjs";
import { runRust } from "./rust.mjs";
import { AUDIENCE } from "./tokens.mjs";

/**
 * Starts a recipe, and returns the URL of its route.
 *
 * @typedef {(t: import("node:test").TestContext, addresses: { auth: string, api: string }) => Promise<string>} Start
 */

/** @type {ReadonlyMap<string, Start>} */
const RECIPES = new Map([
  ...["jsonwebtoken", "expressjwt", "bearer", "fastifyjwt", "honojwks"].map(
    (name) => /** @type {[string, Start]} */ ([name, (t, addresses) => runRecipe(t, name, addresses)]),
  ),
  ...["pyjwt", "joserfc", "authlib", "jwcrypto", "pythonjose"].map(
    (name) =>
      /** @type {[string, Start]} */ ([
        `fastapi with ${name}`,
        (t, addresses) => runPython(t, "fastapi", name, addresses),
      ]),
  ),
  ["django with joserfc", (t, addresses) => runPython(t, "django", "joserfc", addresses)],
  ["axum", (t, addresses) => runRust(t, "axum", addresses)],
  ["actix", (t, addresses) => runRust(t, "actix", addresses)],
]);

/** What a recipe answers without keys, where its library does not tell that from a token that it refuses. */
const WITHOUT_KEYS = new Map([["bearer", 401]]);

/** How many run at once: each waits for five seconds until it may ask for a key set again. */
const CONCURRENCY = 4;

describe("part2 recipes", { concurrency: CONCURRENCY }, () => {
  for (const [name, start] of RECIPES) {
    test(`part2 the recipe ${name} accepts tokens of a running auth server, and no forgery`, async (t) => {
      const issuer = await startIssuer(t);
      const url = await start(t, { auth: issuer.url, api: issuer.audience });

      await checkLibraryRoute(t, url, issuer);
    });

    test(`part2 the recipe ${name} says whether it is for want of keys that it refuses`, async (t) => {
      // Nothing listens on the port of TCP's multiplexer.
      const auth = "http://localhost:1";
      const url = await start(t, { auth, api: AUDIENCE });

      const token = forge({ url: auth, audience: AUDIENCE, keys: [new Key("k1")] });
      await checkWithoutKeys(url, token, WITHOUT_KEYS.get(name));
    });
  }
});
