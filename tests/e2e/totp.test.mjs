/** `createTotp` of `nolapse/passkeys`, with an authenticator app in this file. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { launchBrowser } from "./harness/browser.mjs";
import { openSignedIn } from "./harness/page.mjs";
import { startServer } from "./harness/server.mjs";

/** The one-time password of a step from now on (RFC 6238, RFC 4226). @param {string} secret in base32 @param {number} after */
function password(secret, after) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + after));
  const hash = createHmac("sha1", key).update(counter).digest();
  const number = hash.readUInt32BE((hash.at(-1) ?? 0) & 15) & 0x7fffffff;
  return `${number % 1_000_000}`.padStart(6, "0");
}

test("a user sets one-time passwords up, and signs in with one and with a recovery code, once each", async (t) => {
  const [server, browser] = await Promise.all([startServer(t), launchBrowser(t)]);
  const { page, user } = await openSignedIn(browser, server);
  await page.evaluate(async (auth) => {
    /** @type {typeof import("nolapse/passkeys")} */
    const { createTotp } = await import(/** @type {string} */ ("/nolapse/passkeys.js"));
    window.totp = createTotp({ auth, session: window.session });
  }, server.auth);
  /** Signs out and in again; the error's code, or who is signed in by what. @param {string} code */
  const again = (code) =>
    page.evaluate(
      async (credentials, typed) => {
        await window.session.signOut();
        let asked = 0;
        const failed = await window.totp
          .signIn(credentials, () => {
            asked++;
            return typed;
          })
          .then(
            () => "",
            (error) => error.code,
          );
        if (failed) return [asked, failed, window.session.status.state];
        const [, payload = ""] = (await window.session.getToken()).split(".");
        const { acr, amr } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
        return [asked, acr, amr.toSorted().join(" ")];
      },
      { ...user },
      code,
    );
  const twoFactors = [1, "urn:nolapse:acr:2", "mfa otp pwd"];

  assert.deepEqual(await page.evaluate(() => window.totp.state()), { enabled: false, recoveryCodes: 0 });
  const { secret, uri } = await page.evaluate(() => window.totp.begin());
  assert.equal(new URL(uri).searchParams.get("secret"), secret);
  const wrong = await page.evaluate(() => window.totp.confirm("000000").catch(({ code }) => code));
  assert.equal(wrong, password(secret, 0) === "000000" ? wrong : "invalid_code");
  // That of the step before: later ones are for what comes later.
  const codes = await page.evaluate((code) => window.totp.confirm(code), password(secret, -1));
  assert.equal(codes.length, 10);
  assert.deepEqual(await page.evaluate(() => window.totp.state()), { enabled: true, recoveryCodes: 10 });

  const next = password(secret, 1);
  assert.deepEqual(await again(next), twoFactors);
  assert.deepEqual(await again(next), [1, "invalid_code", "signed_out"]);
  const [recovery = ""] = codes;
  assert.deepEqual((await again(recovery)).slice(0, 2), [1, "urn:nolapse:acr:2"]);
  assert.deepEqual(await again(recovery), [1, "invalid_code", "signed_out"]);
  const [, another = ""] = codes;
  assert.deepEqual((await again(another)).slice(0, 2), [1, "urn:nolapse:acr:2"]);
  assert.deepEqual(await page.evaluate(() => window.totp.state()), { enabled: true, recoveryCodes: 8 });
});
