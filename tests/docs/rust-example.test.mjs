import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { cargoProgram } from "../../pkg-template/tools/cargo.mjs";
import { root, run } from "../../pkg-template/tools/process.mjs";
import { launchBrowser } from "../e2e/harness/browser.mjs";
import { newUser } from "../e2e/harness/page.mjs";
import { startServer } from "../e2e/harness/server.mjs";

const EXAMPLE = join(root, "www-demo", "rust-example");

/** Its target folder, kept between runs: most of the build is the framework. */
const TARGET = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "rust-example");

test("the example in Rust builds without a warning, and runs", async (t) => {
  const site = await mkdtemp(join(tmpdir(), "nolapse-rust-"));
  t.after(() => rm(site, { recursive: true, force: true }));
  await buildExample(site);
  const [server, browser] = await Promise.all([startServer(t, { SITE_DIR: site }), launchBrowser(t)]);
  const user = newUser();
  const headers = { "content-type": "application/json", "nolapse-version": "1", origin: server.auth };
  await fetch(`${server.auth}/auth/sign-up`, { method: "POST", headers, body: JSON.stringify(user) });

  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => t.diagnostic(String(error)));
  await page.goto(server.auth);
  await page.locator("[name=email]").fill(user.email);
  await page.locator("[name=password]").fill(user.password);
  await page.locator("button").click();
  const name = await page
    .locator("#user")
    .map((place) => place.textContent)
    .wait();
  await page.locator("#count").click();
  await page.waitForFunction(() => document.querySelector("#told")?.textContent !== "");
  const count = await page.$eval("#told", (place) => place.textContent);
  await page.locator("#leave").click();
  await page.locator("form").wait();

  assert.equal(name, user.email);
  // That of the sign-up outside of the browser, and this one.
  assert.equal(count, "2");
});

/**
 * Compiles the example as a crate of its own, into the folder that the server serves.
 *
 * @param {string} site
 */
async function buildExample(site) {
  const target = ["--target", "wasm32-unknown-unknown", "--target-dir", TARGET];
  const manifest = ["--manifest-path", join(EXAMPLE, "Cargo.toml")];
  await run("cargo", ["fmt", "--check", ...manifest]);
  await run("cargo", ["build", ...manifest, ...target]);
  const module = join(TARGET, "wasm32-unknown-unknown", "debug", "nolapse-rust-example.wasm");
  await run(await cargoProgram("bindgen"), ["web", module, site, "example"]);
  for (const file of ["index.html", "start.js"]) await copyFile(join(EXAMPLE, file), join(site, file));
}
