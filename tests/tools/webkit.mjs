/** Finds or installs WebKitGTK's driver, and starts its virtual screen. */

import { start, which } from "../../pkg-template/tools/process.mjs";
import { Remedy } from "../../pkg-template/tools/step.mjs";
import { named } from "./browser.mjs";
import { installPackages } from "./system.mjs";

/**
 * The programs of WebKitGTK that tests use.
 *
 * @typedef {object} WebKitFiles
 * @property {string} driver it starts WebKitGTK's MiniBrowser
 * @property {string} screen Xvfb: the browser has no headless mode
 */

/** Why the tests in WebKitGTK are skipped; nothing if they must run. */
export const NO_WEBKIT = process.platform === "linux" ? "" : `there is no WebKitGTK for ${process.platform}`;

/**
 * Finds the driver that `WEBKIT_DRIVER` names or that is installed, and Xvfb, or installs both.
 *
 * @param {(line: string) => void} watch
 * @returns {Promise<WebKitFiles>}
 */
export async function findWebKit(watch) {
  const found =
    installed() ?? ((await installPackages(["webkit2gtk-driver", "xvfb"], watch)) ? installed() : undefined);
  if (found) return found;
  throw new Remedy(
    [
      "The tests need WebKitGTK's driver, WebKitWebDriver, and Xvfb.",
      "Debian, Ubuntu: apt-get install webkit2gtk-driver xvfb.",
      "Where the driver is in an unusual place, set WEBKIT_DRIVER to its file.",
    ].join("\n"),
  );
}

/** @returns {WebKitFiles | undefined} */
function installed() {
  const driver = named("WEBKIT_DRIVER") ?? which("WebKitWebDriver");
  const screen = which("Xvfb");
  return driver && screen ? { driver, screen } : undefined;
}

/**
 * Starts a virtual screen. Programs that draw on it end with it.
 *
 * @param {WebKitFiles} webkit
 * @returns {Promise<{ env: { DISPLAY: string, GDK_BACKEND: string }, close: () => void }>} `env` for programs that draw on it
 */
export async function openScreen({ screen }) {
  // It takes the first free display number and prints it to standard output.
  const child = start(screen, ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]);
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaint += text;
  });
  /** @type {string} */
  const number = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (said.endsWith("\n")) resolve(said.trim());
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`Xvfb has ended: ${complaint}`)));
  });
  return { env: { DISPLAY: `:${number}`, GDK_BACKEND: "x11" }, close: () => void child.kill() };
}
