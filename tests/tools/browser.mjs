/** Finds a Chromium and its chromedriver, or downloads them. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { isExecutable, root, run, which } from "../../pkg-template/tools/process.mjs";
import { Remedy } from "../../pkg-template/tools/step.mjs";
import { setUpPackages } from "./packages.mjs";
import { installPackages } from "./system.mjs";

/**
 * @typedef {object} BrowserFiles
 * @property {string} chromium
 * @property {string} chromedriver
 * @property {string} version as the browser prints it
 */

/** Where downloaded browsers are kept. */
const DOWNLOADS = join(root, ".cache", "browsers");

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const CHROMIUM_PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  join(process.env.PROGRAMFILES ?? "C:\\Program Files", "Google\\Chrome\\Application\\chrome.exe"),
];
const DRIVER_PLACES = [
  "/usr/lib/chromium-browser/chromedriver",
  "/usr/lib/chromium/chromedriver",
  join(process.env.CHROMEWEBDRIVER ?? "/usr/local/bin", "chromedriver"),
];

/**
 * Finds the browser for tests: named by `CHROMIUM` and `CHROMEDRIVER`, installed, or downloaded.
 *
 * @param {(line: string) => void} watch
 * @returns {Promise<BrowserFiles>}
 */
export async function findBrowser(watch) {
  const found =
    (await installed()) ??
    ((await installPackages(["chromium", "chromium-driver"], watch)) ? await installed() : undefined) ??
    (await download(watch));
  if (found) return found;
  throw new Remedy(
    [
      "The tests need Chromium and its chromedriver, of the same version.",
      "Debian, Ubuntu: apt-get install chromium chromium-driver. Fedora: dnf install chromium chromedriver.",
      "Elsewhere: npx @puppeteer/browsers install chrome@stable && npx @puppeteer/browsers install chromedriver@stable.",
      "Where they are in an unusual place, set CHROMIUM and CHROMEDRIVER to their files.",
    ].join("\n"),
  );
}

/** Names of Firefox's program; Debian has the long-term release alone. */
const FIREFOX_NAMES = ["firefox-esr", "firefox"];
const FIREFOX_PLACES = [
  "/Applications/Firefox.app/Contents/MacOS/firefox",
  join(process.env.PROGRAMFILES ?? "C:\\Program Files", "Mozilla Firefox\\firefox.exe"),
];

/**
 * Finds Firefox, which needs no driver: named by `FIREFOX`, installed, or downloaded.
 *
 * @param {(line: string) => void} watch
 * @returns {Promise<string>} its file
 */
export async function findFirefox(watch) {
  const find = () => named("FIREFOX") ?? firstOf(FIREFOX_NAMES, FIREFOX_PLACES);
  const found = find() ?? ((await installPackages(["firefox-esr"], watch)) ? find() : undefined);
  if (found) return found;
  throw new Remedy("The tests need Firefox: install it, or set FIREFOX to its file.");
}

/** The pair that is on this machine, where both run and are of one major version. */
async function installed() {
  const chromium = named("CHROMIUM") ?? firstOf(CHROMIUM_NAMES, CHROMIUM_PLACES);
  const chromedriver = named("CHROMEDRIVER") ?? firstOf(["chromedriver"], DRIVER_PLACES);
  if (!chromium || !chromedriver) return undefined;
  const [version, driver] = await Promise.all([versionOf(chromium), versionOf(chromedriver)]);
  if (version === undefined || driver === undefined) return undefined;
  if (majorOf(version) === majorOf(driver)) return { chromium, chromedriver, version };
  console.log(`  ${version} and ${driver} do not fit each other`);
  return undefined;
}

/**
 * The file that an environment variable names, if it is set.
 *
 * @param {string} variable
 */
export function named(variable) {
  const file = process.env[variable];
  if (!file) return undefined;
  if (isExecutable(file)) return file;
  throw new Remedy(`${variable} is set to ${file}, which cannot be run.`);
}

/**
 * @param {readonly string[]} names
 * @param {readonly string[]} places
 */
function firstOf(names, places) {
  return names.map(which).find(Boolean) ?? places.find((place) => existsSync(place));
}

/** @param {string} file */
async function versionOf(file) {
  // Chrome for Windows opens a window for `--version`.
  if (process.platform === "win32" && !file.includes("chromedriver")) return "Chrome";
  return run(file, ["--version"]).then(
    ({ stdout }) => stdout.trim().split(" (")[0],
    () => undefined,
  );
}

/** @param {string} version */
function majorOf(version) {
  return process.platform === "win32" ? "" : /(\d+)\./.exec(version)?.[1];
}

/**
 * Downloads Chrome for Testing, once.
 *
 * @param {(line: string) => void} watch
 * @returns {Promise<BrowserFiles | undefined>} nothing where it cannot be had
 */
async function download(watch) {
  await setUpPackages(["tests"]);
  const { Browser, computeExecutablePath, detectBrowserPlatform, install, resolveBuildId } = await import(
    "@puppeteer/browsers"
  );
  const platform = detectBrowserPlatform();
  if (!platform) return undefined;
  watch("downloading Chrome for Testing");
  try {
    const buildId = await resolveBuildId(Browser.CHROME, platform, "stable");
    for (const browser of [Browser.CHROME, Browser.CHROMEDRIVER]) {
      if (existsSync(computeExecutablePath({ browser, buildId, platform, cacheDir: DOWNLOADS }))) continue;
      console.log(`  downloading ${browser} ${buildId}`);
      await install({ browser, buildId, platform, cacheDir: DOWNLOADS });
    }
    return {
      chromium: computeExecutablePath({ browser: Browser.CHROME, buildId, platform, cacheDir: DOWNLOADS }),
      chromedriver: computeExecutablePath({ browser: Browser.CHROMEDRIVER, buildId, platform, cacheDir: DOWNLOADS }),
      version: `Chrome for Testing ${buildId}`,
    };
  } catch (error) {
    console.log(`  Chrome for Testing cannot be downloaded: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
