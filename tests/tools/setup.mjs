/** Sets a checkout up: toolchain, npm packages and, if requested, a browser with its driver. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { root, run, which } from "../../pkg-template/tools/process.mjs";
import { Remedy, step } from "../../pkg-template/tools/step.mjs";
import { findBrowser, findFirefox } from "./browser.mjs";
import { setUpPackages } from "./packages.mjs";
import { findOpenssl, findPostgres, findService, installPackages } from "./system.mjs";
import { findWebKit, NO_WEBKIT } from "./webkit.mjs";

/** Programs that the server's tests run, and Debian's packages of them. */
const SERVICES = { nginx: "nginx-light", pgbouncer: "pgbouncer", haproxy: "haproxy" };

/** The compiler's target for browsers. */
const WASM = "wasm32-unknown-unknown";

/**
 * Checks what the other commands need and installs what is missing; takes a second if nothing is.
 *
 * @returns {Promise<void>}
 */
export async function setUp() {
  await setUpCompiler();
  await setUpPackages();
}

/**
 * Checks Node, and checks and completes the compiler.
 *
 * @returns {Promise<void>}
 */
export async function setUpCompiler() {
  await step("set-up", async (watch) => {
    checkNode();
    await checkRust(watch);
    await checkLinker(watch);
  });
}
/**
 * Finds or installs Chromium and chromedriver.
 *
 * @returns {Promise<import("./browser.mjs").BrowserFiles>}
 */
export function setUpBrowser() {
  return step("browser", findBrowser, ({ version }) => version);
}

/**
 * Finds or installs the other two engines, and OpenSSL for a certificate: WebKitGTK stores `Secure` cookies over TLS alone.
 *
 * @returns {Promise<{ firefox: string, webkit: import("./webkit.mjs").WebKitFiles | undefined }>}
 */
export async function setUpEngines() {
  const firefox = await step("firefox", findFirefox);
  const webkit = await step(
    "webkit",
    async (watch) => (NO_WEBKIT ? undefined : findWebKit(watch)),
    () => NO_WEBKIT,
  );
  await step("openssl", async (watch) => {
    if (findOpenssl() || (await installPackages(["openssl"], watch))) return;
    throw new Remedy("The tests need OpenSSL's command `openssl`: install your system's package of that name.");
  });
  return { firefox, webkit };
}

/**
 * Finds or installs what the server's tests run beside the server: PostgreSQL, PgBouncer, HAProxy and nginx.
 *
 * @returns {Promise<void>}
 */
export async function setUpServices() {
  await step("services", async (watch) => {
    const missing = Object.entries(SERVICES).flatMap(([name, service]) => (findService(name) ? [] : [service]));
    if (!findPostgres()) missing.push("postgresql");
    if (missing.length === 0 || (await installPackages(missing, watch))) return;
    throw new Remedy(`The server's tests need ${missing.join(" and ")}: install the packages of that name.`);
  });
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Remedy(`Node ${process.versions.node} is too old: install Node 20.19 or newer (https://nodejs.org).`);
}

/** @param {(line: string) => void} watch */
async function checkRust(watch) {
  if (!which("cargo") || !which("rustc")) {
    throw new Remedy(
      "Rust is missing: install it with rustup (https://rustup.rs), open a new terminal, and run this again.",
    );
  }
  const [{ stdout: version }, { stdout: sysroot }, manifest] = await Promise.all([
    run("rustc", ["--version"], { watch }),
    run("rustc", ["--print", "sysroot"], { watch }),
    readFile(join(root, "Cargo.toml"), "utf8"),
  ]);
  const wanted = Number(/rust-version = "1\.(\d+)"/.exec(manifest)?.[1]);
  const found = Number(/^rustc 1\.(\d+)/.exec(version)?.[1]);
  if (found < wanted) throw new Remedy(`${version.trim()} is too old: run \`rustup update stable\`.`);

  const inSysroot = (/** @type {string[]} */ ...parts) => existsSync(join(sysroot.trim(), ...parts));
  const exe = process.platform === "win32" ? ".exe" : "";
  if (!inSysroot("lib", "rustlib", WASM)) await rustup(["target", "add", WASM], watch);
  if (!inSysroot("bin", `cargo-clippy${exe}`)) await rustup(["component", "add", "clippy"], watch);
  if (!inSysroot("bin", `rustfmt${exe}`)) await rustup(["component", "add", "rustfmt"], watch);
}

/**
 * @param {readonly string[]} parameters
 * @param {(line: string) => void} watch
 */
async function rustup(parameters, watch) {
  const command = ["rustup", ...parameters].join(" ");
  if (!which("rustup")) {
    throw new Remedy(`Rust was not installed with rustup, so \`${command}\` cannot be run here: do what it would do.`);
  }
  console.log(`  ${command}`);
  await run("rustup", parameters, { watch });
}

/** Rust links with the system's C compiler, and the server's SQLite is compiled with it. @param {(line: string) => void} watch */
async function checkLinker(watch) {
  if (process.platform === "win32" || which("cc")) return;
  if (process.platform === "darwin") throw new Remedy("A C compiler is missing: run `xcode-select --install`.");
  if (await installPackages(["build-essential"], watch)) return;
  throw new Remedy("A C compiler (`cc`) is missing: install your system's package for it, such as build-essential.");
}
