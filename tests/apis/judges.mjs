/** Judges of tokens: `nolapse/server`, and the Rust reader beside it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { INSTALLED } from "../npm/package.mjs";
import { importServer } from "./package.mjs";
import { AUDIENCE, ISSUER, jwkOf, NOW } from "./tokens.mjs";

/**
 * Loads the reader of `nolapse/verify`, which is the server's verifier too.
 *
 * @returns {Promise<typeof import("../../pkg-template/nolapse_verify.js")>}
 */
async function loadRust() {
  const rust = await import(pathToFileURL(join(INSTALLED, "nolapse_verify.js")).href);
  const { instance } = await WebAssembly.instantiate(
    await readFile(join(INSTALLED, "nolapse_verify_bg.wasm")),
    rust.imports,
  );
  rust.use(instance.exports);
  const { __wbindgen_start: start } = instance.exports;
  if (typeof start === "function") start();
  return rust;
}

/**
 * Returns functions that judge tokens as of {@link NOW}: `nolapse/server`, and the Rust reader, which has no clock.
 *
 * @param {import("node:test").TestContext} t
 * @param {readonly object[]} [keys]
 */
export async function judges(t, keys = [jwkOf()]) {
  const [{ createVerifier, VerifyError }, rust] = await Promise.all([importServer(t), loadRust()]);
  t.mock.timers.enable({ apis: ["Date"], now: NOW * 1_000 });
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys } });
  /** @param {string} token */
  const judge = async (token) => {
    try {
      await verifier.verify(token);
      return "accepted";
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      const shown = JSON.stringify({ ...error, message: error.message, stack: error.stack });
      assert.ok(token.length < 20 || !shown.includes(token), "the error repeats the token");
      return error.code;
    }
  };
  /** @param {string} token */
  const judgeInRust = (token) => {
    try {
      rust.verifyToken(token, JSON.stringify({ keys }), ISSUER, AUDIENCE);
      return "accepted";
    } catch (error) {
      return /** @type {{ code: string }} */ (error).code;
    }
  };
  /** @param {string} name @param {string} token @param {string} code */
  const expect = async (name, token, code) => {
    assert.equal(await judge(token), code, name);
    assert.equal(judgeInRust(token), isOfClock(token, code) ? "accepted" : code, `${name}, in Rust`);
  };
  return { judge, expect };
}

/** Says whether only a clock can tell that a token is refused. @param {string} token @param {string} code */
function isOfClock(token, code) {
  if (code !== "early" && code !== "expired") return false;
  const { iat, nbf = 0, exp } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return Math.floor(exp) > Math.ceil(Math.max(iat, nbf));
}
