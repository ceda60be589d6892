/** A second provider, independent of `oidc-provider`: Canaille, in Python, with its own pages and passwords. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root, start } from "../../pkg-template/tools/process.mjs";
import { freePort } from "../e2e/harness/ports.mjs";
import { until as reached } from "../e2e/harness/until.mjs";
import { PYTHON } from "../tools/python.mjs";
import { send } from "./browser.mjs";
import { CLIENT_ID } from "./provider.mjs";

/** The client's secret. Authlib does not decode what RFC 6749 §2.3.1 has encoded, so that no character in it is. */
export const CLIENT_SECRET = "a-secret-of-the-tests-of-32-characters-or-more";

/** What each sign-in asks for. Its access tokens have no `jti`: a claim of `profile` tells those of one second apart. */
export const SCOPES = "openid email profile";

/** The passwords of its users. @type {Readonly<Record<string, string>>} */
export const PASSWORDS = { ada: "correct horse battery", grace: "staple of another kind" };

/** How long it may take to listen. */
const START_MS = 120_000;

/** Pages of a sign-in: more than its redirects, its name, its password and its consent. */
const PAGES = 16;

/**
 * Starts it for one test.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ authServer: string, name: string, saidSeconds?: number, client?: object }} options the auth server's origin, the provider's
 *   name there, what responses say of the life of access tokens, and further metadata of the client
 * @returns {Promise<string>} its issuer
 */
export async function startCanaille(t, { authServer, name, saidSeconds, client = {} }) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "nolapse-canaille-"));
  const options = {
    port,
    database: join(folder, "canaille.sqlite"),
    users: PASSWORDS,
    said_seconds: saidSeconds,
    client: {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      client_name: "the tests",
      redirect_uris: [`${authServer}/auth/providers/${name}/callback`],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      scope: SCOPES.split(" "),
      token_endpoint_auth_method: "client_secret_basic",
      ...client,
    },
  };
  const program = join(root, "tests", "providers", "python", "provider.py");
  const env = { PYTHONDONTWRITEBYTECODE: "1" };
  const child = start(PYTHON, [program, JSON.stringify(options)], { env });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      log += text;
    });
  const ended = once(child, "close");
  t.after(async () => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const listens = async () => {
    if (child.exitCode !== null) throw new Error(`Canaille has ended:\n${log}`);
    const response = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined);
    return response?.ok;
  };
  await reached("Canaille listens", listens, { within: START_MS });
  return issuer;
}

/**
 * Signs in as its pages ask for it: a name, a password, and a consent, once for each user.
 *
 * @param {import("./browser.mjs").Jar} jar
 * @param {string} from
 * @param {(url: string) => boolean} until accepts the URL at which this ends, which is not requested
 * @param {{ user?: keyof typeof PASSWORDS, answer?: "accept" | "deny" }} [choices]
 * @returns {Promise<string>} that URL
 */
export async function goThroughCanaille(jar, from, until, { user = "ada", answer = "accept" } = {}) {
  let url = from;
  /** @type {URLSearchParams | undefined} */
  let form;
  for (let pages = 0; pages < PAGES; pages++) {
    const init = form && { method: "POST", headers: { referer: url }, body: form };
    const response = await send(jar, url, init);
    const [location, page] = [response.headers.get("location"), await response.text()];
    form = location ? undefined : fill(page, { login: user, password: PASSWORDS[user] ?? "", answer });
    if (!location && !form) throw new Error(`${response.status} at ${url}: ${page}`);
    if (location) url = new URL(location, url).href;
    if (until(url)) return url;
  }
  throw new Error(`more pages than a sign-in has: ${url}`);
}

/**
 * Fills in the form of a page.
 *
 * @param {string} page
 * @param {Record<string, string>} values by the field's name
 * @returns {URLSearchParams | undefined} nothing if the page asks for none of them
 */
function fill(page, values) {
  const token = /name="csrf_token"[^>]*value="([^"]+)"/.exec(page)?.[1];
  const asked = Object.entries(values).filter(([name]) => page.includes(`name="${name}"`));
  if (asked.length === 0) return undefined;
  return new URLSearchParams([...asked, ...(token ? [["csrf_token", token]] : [])]);
}
