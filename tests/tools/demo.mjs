/**
 * `npm run demo`: builds everything, starts the servers and prints the address of the demo page.
 *
 * `PORT` (8080) is the page's and the auth server's, `API_PORT` (one more) the API's. `--https` serves both over TLS, for
 * Safari. Ctrl-C ends all.
 */

import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join, relative } from "node:path";

import { buildPackage } from "../../pkg-template/build.mjs";
import { cargoProgram } from "../../pkg-template/tools/cargo.mjs";
import { root } from "../../pkg-template/tools/process.mjs";
import { main, Remedy, step } from "../../pkg-template/tools/step.mjs";
import { buildServer, buildSite, SITE } from "./demo-parts.mjs";
import { setUpPackages } from "./packages.mjs";
import { listenAsProvider } from "./provider.mjs";
import { startServer } from "./server.mjs";
import { setUpCompiler } from "./setup.mjs";

/** Where the demo keeps its database and its log. */
const KEPT = join(root, ".cache", "demo");

await main(async () => {
  const isTls = wantsTls(process.argv.slice(2));
  const port = portFrom("PORT", 8080);
  const apiPort = portFrom("API_PORT", port + 1);
  await setUpCompiler();
  await refuseTaken("PORT", port);
  await refuseTaken("API_PORT", apiPort);
  const [program] = await Promise.all([buildPrograms(), buildPage()]);
  await setUpPackages(["tests/providers"]);
  const provider = await listenAsProvider("demo", { label: "the demo provider" });

  await mkdir(KEPT, { recursive: true });
  const logFile = join(KEPT, "server.log");
  const log = createWriteStream(logFile);
  const server = await startServer(program, {
    env: {
      ...provider.settings,
      OIDC_DEMO_POST_LOGOUT_REDIRECT_URI: `${isTls ? "https" : "http"}://localhost:${port}/`,
      DEMO: "1",
      DEV_TLS: isTls ? "1" : "0",
      PORT: String(port),
      API_PORT: String(apiPort),
      SITE_DIR: process.env.SITE_DIR ?? SITE,
      KEY_FILE: process.env.KEY_FILE ?? join(KEPT, "nolapse.keys"),
      SECURITY_LOG: process.env.SECURITY_LOG ?? join(KEPT, "security.log"),
      DATABASE_URL: process.env.DATABASE_URL ?? `sqlite://${join(KEPT, "nolapse.sqlite")}`,
    },
    keep: (text) => log.write(text),
  });
  await provider.serve(server.auth.replace("127.0.0.1", "localhost"));
  console.log(`The demo provider is ${provider.issuer}: each name is a user there, and each password is right.`);
  console.log(`The servers' log is ${relative(process.cwd(), logFile)}; the API is ${server.api}. Ctrl-C ends all.`);
  if (server.certificate !== undefined) console.log(trustAdvice(relative(process.cwd(), server.certificate), apiPort));
  console.log(`Demo ready: ${isTls ? "https" : "http"}://localhost:${port}`);
  throw new Remedy(`The server ended: ${await server.ended}. See ${relative(process.cwd(), logFile)}.`);
});

/**
 * Builds what cargo compiles for this machine: first the tool that the package waits for, then the server.
 *
 * @returns {Promise<string>} the server's program
 */
async function buildPrograms() {
  await step("wasm-bindgen", (watch) => cargoProgram("bindgen", { watch }));
  return buildServer();
}

/** Builds the package and the page while cargo builds the server. */
async function buildPage() {
  await buildPackage({ isForDemo: true, ready: setUpPackages() });
  await buildSite();
}

/**
 * Whether the option `--https` is given.
 *
 * @param {readonly string[]} words
 * @throws {Remedy} if there is another one
 */
function wantsTls(words) {
  const unknown = words.find((word) => word !== "--https");
  if (unknown !== undefined) throw new Remedy(`npm run demo has no option ${unknown}, but --https: TLS, for Safari.`);
  return words.includes("--https");
}

/**
 * What to do about the browser's warning of a self-signed certificate.
 *
 * @param {string} certificate its file
 * @param {number} apiPort
 */
function trustAdvice(certificate, apiPort) {
  return [
    "The certificate is self-signed, so browsers warn of it. Accept the warning on the page; Firefox wants the same",
    `once at https://localhost:${apiPort}/healthz. Or trust the certificate, and no browser warns:`,
    `  macOS: security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ${certificate}`,
    `  Linux, Chromium: certutil -d sql:$HOME/.pki/nssdb -A -t P,, -n nolapse -i ${certificate}`,
  ].join("\n");
}

/**
 * Reads a port from the environment.
 *
 * @param {string} variable
 * @param {number} otherwise
 */
function portFrom(variable, otherwise) {
  const text = process.env[variable];
  const port = text === undefined || text === "" ? otherwise : Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Remedy(`${variable} must be a port from 1 to 65535, and is "${text ?? port}".`);
}

/**
 * @param {string} variable
 * @param {number} port
 * @throws {Remedy} if the port is in use, or the system does not allow it
 */
async function refuseTaken(variable, port) {
  const probe = createServer();
  /** @type {string | undefined} */
  const refusal = await new Promise((resolve) => {
    probe.once("error", (error) => resolve(error.message));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(undefined)));
  });
  if (refusal === undefined) return;
  throw new Remedy(
    `Port ${port} cannot be used (${refusal}). Set another one: ${variable}=${port + 1000} npm run demo.`,
  );
}
