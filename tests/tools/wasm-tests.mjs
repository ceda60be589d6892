/** Runs `tests/browser` in the three engines. */

import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { cargo, cargoArtifacts, cargoProgram } from "../../pkg-template/tools/cargo.mjs";
import { CommandFailed, root, start } from "../../pkg-template/tools/process.mjs";
import { openScreen } from "./webkit.mjs";

/** @typedef {(line: string) => void} Watch */

/** The command that compiles the tests' module and runs it. */
const TESTS = ["test", "--package", "nolapse", "--target", "wasm32-unknown-unknown", "--test", "browser"];

/** How long the tests may take in one engine. */
const LIMIT_S = 120;

/** The variables that name a driver for the runner; one is set. */
const NO_DRIVER = {
  CHROMEDRIVER: undefined,
  GECKODRIVER: undefined,
  SAFARIDRIVER: undefined,
  WASM_BINDGEN_TEST_TIMEOUT: String(LIMIT_S),
};

/**
 * Compiles the tests and their runner.
 *
 * @param {Watch} [watch]
 * @returns {Promise<{ module: string, runner: string }>} their files
 */
export async function buildWasmTests(watch = () => {}) {
  const made = await cargoArtifacts([...TESTS, "--no-run"], { watch });
  const module = made.map(({ executable }) => executable).findLast((file) => file !== null) ?? "";
  return { module, runner: await cargoProgram("test-runner", { watch }) };
}

/**
 * @param {import("./browser.mjs").BrowserFiles} browser
 * @param {readonly string[]} filter
 * @param {Watch} watch
 */
export async function inChromium({ chromium, chromedriver }, filter, watch) {
  const settings = join(root, ".cache", "webdriver.json");
  const options = { binary: chromium, args: ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"] };
  await mkdir(join(root, ".cache"), { recursive: true });
  await writeFile(settings, JSON.stringify({ "goog:chromeOptions": options }));
  const env = { ...NO_DRIVER, CHROMEDRIVER: chromedriver, WASM_BINDGEN_TEST_WEBDRIVER_JSON: settings };
  return cargo([...TESTS, ...filter], { env, watch });
}

/**
 * @param {import("./webkit.mjs").WebKitFiles} webkit
 * @param {readonly string[]} filter
 * @param {Watch} watch
 */
export async function inWebKit(webkit, filter, watch) {
  const screen = await openScreen(webkit);
  try {
    // The runner takes any driver with Safari's WebDriver dialect for Safari.
    const env = { ...NO_DRIVER, ...screen.env, SAFARIDRIVER: webkit.driver };
    return await cargo([...TESTS, ...filter], { env, watch });
  } finally {
    screen.close();
  }
}

/**
 * geckodriver is not part of Firefox, so the runner serves its interactive page, which is opened here.
 *
 * @param {string} firefox
 * @param {readonly string[]} filter
 * @param {Watch} watch
 */
export async function inFirefox(firefox, filter, watch) {
  const { module, runner } = await buildWasmTests(watch);
  const env = { ...NO_DRIVER, NO_HEADLESS: "1", WASM_BINDGEN_TEST_ADDRESS: "127.0.0.1:0" };
  const words = filter.filter((word) => word !== "--");
  const server = start(runner, [module, ...words], { env });
  const ended = once(server, "close");
  try {
    const { address, said } = await listening(server);
    // It serves nothing if the filter matches no test.
    const output = address === undefined ? said : await readPage(firefox, address, watch);
    if (address === undefined || /^test result: ok/m.test(output)) return { stdout: output, output };
    throw new CommandFailed("wasm tests in Firefox", "a test has failed", output);
  } finally {
    server.kill();
    await ended;
  }
}

/**
 * Waits until the runner prints its page's address, or has ended without one.
 *
 * @param {ReturnType<typeof start>} server
 * @returns {Promise<{ address?: string, said: string }>}
 */
function listening(server) {
  return new Promise((resolve, reject) => {
    let said = "";
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        said += text;
        const address = /now available at (http:\S+)/.exec(said)?.[1];
        if (address) resolve({ address, said });
      });
    }
    server.once("error", reject);
    server.once("close", (code) => {
      if (code === 0) resolve({ said });
      else reject(new CommandFailed("test-runner", `exit code ${code}`, said));
    });
  });
}

/**
 * Opens the page of the tests and waits until they have ended.
 *
 * @param {string} firefox
 * @param {string} address
 * @param {Watch} watch
 */
async function readPage(firefox, address, watch) {
  // Imported dynamically: before `npm ci` there are no packages.
  const { default: puppeteer } = await import("puppeteer-core");
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: firefox, headless: true });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => watch(message.text()));
    await page.goto(address);
    const isOver = () => document.querySelector("#output")?.textContent?.includes("test result:");
    await page.waitForFunction(isOver, { polling: 100, timeout: LIMIT_S * 1_000 });
    return await page.$eval("#output", ({ textContent }) => textContent ?? "");
  } finally {
    await browser.close();
  }
}
