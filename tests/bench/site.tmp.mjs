import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../../pkg-template/tools/process.mjs";
const CONTESTANTS = ["by-hand", "by-hand-locked", "sdk"];
/** Bundles the pages into the server's folder. */
export async function makeSite() {
  const folder = await mkdtemp(join(tmpdir(), "nolapse-bench-"));
  const assets = join(folder, "assets");
  await mkdir(assets);
  await build({
    entryPoints: CONTESTANTS.map((name) => join(root, "tests", "bench", "cold-start", `${name}.mjs`)),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["*/nolapse_js.js"],
    outdir: assets,
    banner: { js: 'performance.mark("script-start");' },
  });
  const installed = join(root, "node_modules", "nolapse");
  await copyFile(join(installed, "nolapse_bg.wasm"), join(assets, "nolapse_bg.wasm"));
  // For the page that signs up.
  await cp(installed, join(folder, "nolapse"), { recursive: true });
  for (const name of ["blank", ...CONTESTANTS]) {
    const script = name === "blank" ? "" : `<script type="module" src="/assets/${name}.js"></script>`;
    const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${name}</title><link rel="icon" href="data:,">${script}</head><body></body></html>\n`;
    await writeFile(join(folder, `${name}.html`), page);
  }
  return folder;
}

