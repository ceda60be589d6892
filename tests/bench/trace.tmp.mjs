import { readFile } from "node:fs/promises";
import { onStage } from "./scene.mjs";
import { newUser, openSession, signIn } from "../e2e/harness/page.mjs";
import { until } from "../e2e/harness/until.mjs";
const src = await readFile(new URL("./cold-start.bench.mjs", import.meta.url), "utf8");
// reuse makeSite by evaluating part
const { makeSite } = await import("./site.tmp.mjs");
const site = await makeSite();
await onStage({ SITE_DIR: site, TOKEN_LIFE_SECONDS: "3", REFRESHES_PER_MINUTE: "0" }, async (server, browser) => {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(`${server.auth}/blank.html`);
  await openSession(page, server, process.env.UNBOUND ? { deviceBinding: false } : {});
  await signIn(page, newUser(), "sign-up");
  const which = process.argv[2] ?? "sdk";
  const all = new Map();
  const N = Number(process.argv[3] ?? 6);
  for (let i = 0; i < N; i++) {
    const t = performance.now();
    await page.goto("about:blank");
    await until("expired", () => performance.now() > t + 3300);
    if (i > 0) await browser.target().createCDPSession().then(() => {});
    await page.tracing.start({ categories: ["devtools.timeline", "v8", "disabled-by-default-v8.compile", "v8.wasm", "disabled-by-default-v8.wasm.detailed", "blink.user_timing","disabled-by-default-devtools.timeline"] });
    await page.goto(`${server.auth}/${which}.html?api=${encodeURIComponent(server.api)}`);
    const told = await page.evaluate(() => window.told);
    const buf = await page.tracing.stop();
    if (i < 2) continue;
    const { traceEvents } = JSON.parse(Buffer.from(buf).toString());
    const main = traceEvents.find((e) => e.name === "thread_name" && e.args.name === "CrRendererMain" && traceEvents.some((x) => x.tid === e.tid && x.pid === e.pid && x.name === "script-start"));
    const start = traceEvents.find((e) => e.name === "script-start")?.ts ?? 0;
    const end = traceEvents.find((e) => e.name === "answered")?.ts ?? Infinity;
    const ev = traceEvents.filter((e) => e.pid === main.pid && e.tid === main.tid && e.ph === "X" && e.ts >= start - 60000 && e.ts <= end);
    for (const e of ev) {
      const key = `${e.name} ${(e.args?.data?.functionName || e.args?.data?.url || e.args?.fileName || e.args?.data?.type || e.args?.data?.requestMethod || "").toString().slice(-30)}`;
      const row = all.get(key) ?? { n: 0, t: 0, w: 0, at: [] };
      row.n++; row.t += (e.tdur ?? 0); row.w += e.dur; row.at.push(((e.ts - start) / 1000).toFixed(1)); all.set(key, row);
    }
    console.log(JSON.stringify(told));
  }
  const k = N - 2;
  for (const [key, { n, t, w, at }] of [...all].sort((a, b) => b[1].t - a[1].t).slice(0, 45)) console.log((t / 1000 / k).toFixed(2).padStart(7), (w / 1000 / k).toFixed(2).padStart(7), (n / k).toFixed(1).padStart(5), key, at.slice(0, 4).join(","));
  return [];
});
