import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // The page's policy allows no data: URL for scripts, styles or WebAssembly.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { index: "/index.html", away: "/away.html" } },
  },
});
