/** The real server, for one test: a database of its own, ports of its own. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { buildServer } from "../../tools/demo-parts.mjs";
import { startServer as startProgram, tail } from "../../tools/server.mjs";
import { makeTestSite } from "./site.mjs";

/** @typedef {Record<string, string | undefined>} Environment */

/** A server that a test can stop, kill, stall and restart, at the same addresses and on the same database. */
export class Server {
  /** @type {import("../../tools/server.mjs").RunningServer | undefined} */
  #running;
  /** @type {string} */
  #program;
  /** @type {string} */
  #folder;
  /** @type {Environment} */
  #env;
  #log = "";

  /**
   * @param {string} program
   * @param {string} folder
   * @param {Environment} env
   */
  constructor(program, folder, env) {
    this.#program = program;
    this.#folder = folder;
    this.#env = env;
    /** The origin of the auth server and of the test page. */
    this.auth = "";
    /** The origin of the API. */
    this.api = "";
  }

  /** The server's settings. */
  get env() {
    return { ...this.#env };
  }

  /** The server's output, over all its starts. */
  log() {
    return this.#log;
  }

  /**
   * Starts the server; a restart has the same addresses.
   *
   * @param {Environment} [changes] settings that are new from now on
   */
  async start(changes = {}) {
    Object.assign(this.#env, changes);
    this.#running = await startProgram(this.#program, {
      env: this.#env,
      cwd: this.#folder,
      keep: (text) => {
        this.#log += text;
      },
    });
    this.auth = byName(this.#running.auth);
    this.api = byName(this.#running.api);
    this.#env.PORT = new URL(this.auth).port;
    this.#env.API_PORT = new URL(this.api).port;
  }

  /**
   * Runs a command of the server's program on its database, as an operator does.
   *
   * @param {readonly string[]} words
   */
  async command(words) {
    await promisify(execFile)(this.#program, words, { cwd: this.#folder, env: { ...process.env, ...this.#env } });
  }

  /** Stops the server with SIGTERM, as a deployment does, and waits until it has ended. */
  async stop() {
    this.#running?.child.kill("SIGTERM");
    await this.#running?.ended;
    this.#running = undefined;
  }

  /** Ends the server at once, as a crash does. */
  async kill() {
    this.#running?.child.kill("SIGKILL");
    await this.#running?.ended;
    this.#running = undefined;
  }

  /**
   * Stops the server and starts it again on the same database.
   *
   * @param {Environment} [changes]
   */
  async restart(changes) {
    await this.stop();
    await this.start(changes);
  }

  /** Makes the server accept connections and never respond, until {@link Server.resume}. */
  stall() {
    this.#running?.child.kill("SIGSTOP");
  }

  /** Ends what {@link Server.stall} began. */
  resume() {
    this.#running?.child.kill("SIGCONT");
  }

  /**
   * Calls one of the server's test endpoints (`/demo/…`).
   *
   * @param {string} lever such as `outage` or `session`
   * @param {Record<string, unknown>} [order]
   */
  async pull(lever, order = {}) {
    const headers = { "content-type": "application/json", "nolapse-version": "1" };
    const body = JSON.stringify(order);
    const answer = await fetch(`${this.auth}/demo/${lever}`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`/demo/${lever}: ${answer.status} ${await answer.text()}`);
  }

  /**
   * The server's event counters by name; one that is zero is missing.
   *
   * @returns {Promise<Partial<Record<string, number>>>}
   */
  async counters() {
    return (await fetch(`${this.auth}/demo/counters`)).json();
  }

  /** Ends the server and removes its files. */
  async dispose() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Replaces the loopback address by `localhost`, the host in the server's settings.
 *
 * @param {string} origin
 */
function byName(origin) {
  return origin.replace("127.0.0.1", "localhost");
}

/**
 * Whether a test has passed; Node 20 has the property, its types lack it.
 *
 * @param {import("node:test").TestContext & { passed?: boolean }} test
 */
function hasPassed(test) {
  return test.passed === true;
}

/**
 * Starts a server for one test, which ends with the test; a failed test shows the end of its log.
 *
 * @param {import("node:test").TestContext} test
 * @param {Environment} [env] settings besides those of the harness
 * @returns {Promise<Server>}
 */
export async function startServer(test, env = {}) {
  const program = process.env.NOLAPSE_SERVER ?? (await buildServer());
  const folder = await mkdtemp(join(tmpdir(), "nolapse-e2e-"));
  const server = new Server(program, folder, {
    PORT: "0",
    API_PORT: "0",
    DEMO: "1",
    LOG_FORMAT: "text",
    DATABASE_URL: `sqlite://${join(folder, "nolapse.sqlite")}`,
    SITE_DIR: await makeTestSite(folder),
    ...env,
  });
  test.after(async () => {
    await server.dispose();
    if (!hasPassed(test)) test.diagnostic(`server log:\n${tail(server.log())}`);
  });
  await server.start();
  return server;
}
