import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { launchBrowser } from "../e2e/harness/browser.mjs";
import { runApp, serveFolder } from "../packed/app.mjs";
import { build, makeFrameworkApp, modulesIn, showFrom, WORKS, whileServed } from "./apps.mjs";

const ASTRO = "astro/bin/astro.mjs";
const VITE = "vite/bin/vite.js";
const NUXT = "nuxt/bin/nuxt.mjs";

const ASTRO_APP = {
  "src/pages/index.astro": `<html lang="en"><head><link rel="icon" href="data:," /></head><body><script>
    ${showFrom("nolapse")}
    void show();
  </script></body></html>`,
};

const SVELTEKIT_APP = {
  "vite.config.js": `import { sveltekit } from "@sveltejs/kit/vite";
    export default { plugins: [sveltekit()] };`,
  "src/app.html": `<!doctype html><html lang="en"><head><link rel="icon" href="data:,">%sveltekit.head%</head>
    <body><div>%sveltekit.body%</div></body></html>`,
  "src/routes/+page.svelte": `<script>
    import { onMount } from "svelte";
    ${showFrom("nolapse")}
    onMount(() => void show());
  </script>`,
};

const NUXT_APP = {
  "nuxt.config.js": `export default defineNuxtConfig({
    compatibilityDate: "2026-01-01",
    devtools: { enabled: false },
    app: { head: { link: [{ rel: "icon", href: "data:," }] } },
  });`,
  "app.vue": `<script setup>
    ${showFrom("nolapse")}
    onMounted(() => void show());
  </script>
  <template><main>rendered on the server</main></template>`,
};

test("frameworks on Vite", async (t) => {
  const browser = await launchBrowser(t);
  /** @param {string} origin */
  const runIn = (origin) => runApp(browser, origin);

  await t.test("P37 an app built and served by Astro without configuration runs", async (t) => {
    const app = await makeFrameworkApp(t, ASTRO_APP);

    await build(app, ASTRO, ["build"]);
    const built = await runIn(await serveFolder(t, join(app, "dist")));
    const served = await whileServed(app, ASTRO, ["dev", "--port", "PORT"], runIn);

    assert.equal((await modulesIn(join(app, "dist"))).length, 1);
    assert.deepEqual({ built, served }, { built: WORKS, served: WORKS });
  });

  await t.test("P37 a SvelteKit app is rendered, built and served without configuration, and runs", async (t) => {
    const app = await makeFrameworkApp(t, SVELTEKIT_APP);

    await build(app, VITE, ["build"]);
    const built = await whileServed(app, VITE, ["preview", "--port", "PORT"], runIn);
    const served = await whileServed(app, VITE, ["dev", "--port", "PORT"], runIn);

    assert.equal((await modulesIn(join(app, ".svelte-kit/output/client"))).length, 1);
    assert.deepEqual({ built, served }, { built: WORKS, served: WORKS });
  });

  await t.test("P37 a Nuxt app is rendered, built and served without configuration, and runs", async (t) => {
    const app = await makeFrameworkApp(t, NUXT_APP);

    await build(app, NUXT, ["build"]);
    const built = await whileServed(app, ".output/server/index.mjs", [], runIn);
    const served = await whileServed(app, NUXT, ["dev", "--port", "PORT"], runIn);

    assert.equal((await modulesIn(join(app, ".output/public"))).length, 1);
    assert.deepEqual({ built, served }, { built: WORKS, served: WORKS });
  });
});
