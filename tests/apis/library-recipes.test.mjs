import { test } from "node:test";

import { forge } from "./forgeries.mjs";
import { Key, startIssuer } from "./issuer.mjs";
import { checkLibraryRoute, checkWithoutKeys } from "./library-recipes.mjs";
import { runRecipe } from "./running.mjs";
import { AUDIENCE } from "./tokens.mjs";

/** The recipes for Node with libraries of others. */
const NODE = ["jsonwebtoken", "expressjwt", "bearer", "fastifyjwt", "honojwks"];

/** What a recipe answers without keys, where its library does not tell that from a token that it refuses. */
const WITHOUT_KEYS = new Map([["bearer", 401]]);

for (const name of NODE) {
  test(`part2 the recipe ${name} accepts tokens of a running auth server, and no forgery`, async (t) => {
    const issuer = await startIssuer(t);
    const url = await runRecipe(t, name, { auth: issuer.url, api: issuer.audience });

    await checkLibraryRoute(t, url, issuer);
  });

  test(`part2 the recipe ${name} says whether it is for want of keys that it refuses`, async (t) => {
    // Nothing listens on the port of TCP's multiplexer.
    const auth = "http://localhost:1";
    const url = await runRecipe(t, name, { auth, api: AUDIENCE });

    const token = forge({ url: auth, audience: AUDIENCE, keys: [new Key("k1")] });
    await checkWithoutKeys(url, token, WITHOUT_KEYS.get(name));
  });
}
