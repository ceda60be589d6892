import assert from "node:assert/strict";
import { test } from "node:test";

import { read } from "./documents.mjs";

/**
 * Numbers that documents repeat from the source, as `[document, its words, file, its words, factor]`: the first group of
 * the source, times the factor, is the first group of the document. In a document's words a blank is any white space.
 *
 * @type {readonly [string, RegExp, string, RegExp, number?][]}
 */
const REPEATED = [
  ["ARCHITECTURE.md", /allowance \| (\d+) attempts at once/, "src/core/backoff.rs", /CAPACITY: u32 = (\d+)/],
  ["ARCHITECTURE.md", /one more every (\d+) s: 24 an hour/, "src/core/backoff.rs", /INTERVAL: .*from_secs\((\d+)\)/],
  ["ARCHITECTURE.md", /steps of at most (\d+) s/, "src/core/backoff.rs", /LONGEST: .*from_mins\((\d+)\)/, 60],
  ["ARCHITECTURE.md", /never below (\d+) ms/, "src/core/backoff.rs", /SHORTEST: .*from_millis\((\d+)\)/],
  ["ARCHITECTURE.md", /both forms, at most (\d+) minutes/, "src/core/backoff.rs", /MOST: .*from_mins\((\d+)\)/],
  [
    "ARCHITECTURE.md",
    /longer than (\d+) ms, or while another/,
    "src/core/lock.rs",
    /CONTENDED: .*from_millis\((\d+)\)/,
  ],
  ["ARCHITECTURE.md", /listens for (\d+) ms before it sends/, "src/core/config.rs", /beat: .*from_millis\((\d+)\)/],
  ["ARCHITECTURE.md", /It is waited for (\d+) s/, "src/core/config.rs", /lock_wait: .*from_secs\((\d+)\)/],
  ["ARCHITECTURE.md", /to come is waited for (\d+) ms/, "src/core/exchange.rs", /DISTRUSTING: .*from_millis\((\d+)\)/],
  ["ARCHITECTURE.md", /more than (\d+) ms on the steady one/, "src/core/time.rs", /TOLERANCE_MS: f64 = (\d+)/],
  ["ARCHITECTURE.md", /up to (\d+) s from the first failure/, "src/core/config.rs", /timeout: .*from_secs\((\d+)\)/, 2],
  [
    "ARCHITECTURE.md",
    /The grace, (\d+) s by default/,
    "www-demo/server/src/domain/session.rs",
    /grace: .*from_secs\((\d+)\)/,
  ],
  [
    "SECURITY.md",
    /\(`GRACE_SECONDS`, (\d+) by default\)/,
    "www-demo/server/src/domain/session.rs",
    /grace: .*from_secs\((\d+)\)/,
  ],
  ["SECURITY.md", /Idle (\d+) h and absolute/, "www-demo/server/src/domain/session.rs", /idle: .*from_hours\((\d+)\)/],
  [
    "SECURITY.md",
    /absolute (\d+) days/,
    "www-demo/server/src/domain/session.rs",
    /absolute: .*from_hours\((\d+)\)/,
    1 / 24,
  ],
  ["SECURITY.md", /told this tab, or (\d+) s/, "src/core/tabs.rs", /STRANGERS_LIFE: .*from_mins\((\d+)\)/, 60],
  ["SECURITY.md", /\| about (\d+) s and one refresh/, "src/core/tabs.rs", /DOUBT: .*from_secs\((\d+)\)/],
  ["SECURITY.md", /\| at most (\d+) s; showing the page/, "src/core/backoff.rs", /LONGEST: .*from_mins\((\d+)\)/, 60],
  ["SECURITY.md", /\| at most (\d+) s \|/, "src/core/backoff.rs", /MOST: .*from_mins\((\d+)\)/, 60],
  ["SECURITY.md", /At most (\d+) KiB are read/, "src/wire.rs", /MAX_TOKEN_RESPONSE_BYTES: usize = (\d+) \* 1024/],
  [
    "SECURITY.md",
    /and (\d+) s on times in the future/,
    "www-demo/server/src/verifier/mod.rs",
    /CLOCK_SKEW_SECONDS: u64 = (\d+)/,
  ],
  ["SECURITY.md", /besides (\w+) hashes at a time/, "www-demo/server/src/passwords.rs", /AT_ONCE: usize = (\d+)/],
  [
    "pkg-template/README.md",
    /one refresh may take, 1 to 60 \| (\d+) \|/,
    "src/core/config.rs",
    /timeout: .*from_secs\((\d+)\)/,
  ],
  ["pkg-template/README.md", /more than ([\d,]+) calls wait/, "src/core/waiters.rs", /CAPACITY: usize = ([\d_]+)/],
  ["README.md", /Node ([\d.]+) or newer/, "package.json", /"node": ">=([\d.]+)"/],
];

/** Numbers that documents spell out. @type {Record<string, number>} */
const WORDS = { two: 2 };

/** @param {string} text */
function numberIn(text) {
  return WORDS[text] ?? Number(text.replaceAll(/[,_]/g, ""));
}

for (const [document, words, file, source, factor = 1] of REPEATED) {
  test(`${document} says what ${file} does: ${words.source}`, async () => {
    const told = words.exec((await read(document)).replaceAll(/\s+/g, " "))?.[1];
    const real = source.exec(await read(file))?.[1];

    assert.ok(told !== undefined, `${document} does not say it any more: take the line out of this table`);
    assert.ok(real !== undefined, `${file} has no such number any more`);
    assert.equal(numberIn(told), numberIn(real) * factor);
  });
}
