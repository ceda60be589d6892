import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { runApp, serveFolder } from "../packed/app.mjs";
import { build, makeFrameworkApp, NAMES_INLINE, SHOW_EITHER, WORKS, whileServed } from "./apps.mjs";

const EXPO = "expo/bin/cli";

const APP = {
  "package.json": JSON.stringify({ name: "app", private: true, main: "index.js" }),
  "app.json": JSON.stringify({ expo: { name: "app", slug: "app", platforms: ["web"] } }),
  // The browser requests it by itself.
  "public/favicon.ico": "",
  "index.js": `import { registerRootComponent } from "expo";
    import { useEffect } from "react";
    import { Text } from "react-native";
    ${SHOW_EITHER}
    function App() {
      useEffect(() => void show(), []);
      return <Text>an app</Text>;
    }
    registerRootComponent(App);`,
};

test("P37 an app of Expo web runs with nolapse/inline; with nolapse, the error names it", async (t) => {
  const browser = await launchBrowser(t);
  const app = await makeFrameworkApp(t, APP);
  /** @param {string} origin */
  const runIn = async (origin) => ({
    inline: await runApp(browser, `${origin}/?inline`),
    besides: await runApp(browser, origin),
  });

  await build(app, EXPO, ["export", "--platform", "web"]);
  const built = await runIn(await serveFolder(t, join(app, "dist")));
  const served = await whileServed(app, EXPO, ["start", "--localhost", "--port", "PORT"], runIn);

  assert.deepEqual({ built: built.inline, served: served.inline }, { built: WORKS, served: WORKS });
  assert.match(built.besides.token ?? "", NAMES_INLINE);
  assert.match(served.besides.token ?? "", NAMES_INLINE);
});
