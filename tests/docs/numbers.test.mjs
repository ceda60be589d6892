import assert from "node:assert/strict";
import { test } from "node:test";

import { read } from "./documents.mjs";

const CONFIG = "src/core/config.rs";
const BACKOFF = "src/core/backoff.rs";
const SESSION = "www-demo/server/domain/src/session.rs";

/**
 * Numbers that documents repeat from the source: the words around the number in a document, with its unit, and the file,
 * name and factor of its definition. In a document's words a blank is any white space.
 *
 * @type {Record<string, readonly [RegExp, Unit, string, string, number?][]>}
 */
const REPEATED = {
  "docs/decisions/time-and-failures.md": [
    [/rate limiter \| (\d+) attempts at once/, "", BACKOFF, "CAPACITY"],
    [/one more every (\d+) s: 24 an hour/, "s", BACKOFF, "INTERVAL"],
    [/steps of at most (\d+) s/, "s", BACKOFF, "LONGEST"],
    [/never below (\d+) ms/, "ms", BACKOFF, "SHORTEST"],
    [/both forms, at most (\d+) minutes/, "min", BACKOFF, "MOST"],
    [/more than (\d+) ms on the steady one/, "", "src/core/time.rs", "TOLERANCE_MS"],
  ],
  "docs/decisions/tabs.md": [
    [/longer than (\d+) ms, while another/, "ms", "src/core/refresher/lock.rs", "CONTENTION_THRESHOLD"],
    [/and waits for (\d+) ms before it sends/, "ms", CONFIG, "peer_reply_timeout"],
    [/background refresh waits for up to (\d+) s/, "s", CONFIG, "peer_reply_timeout", 10],
    [/can be sent for more than (\d+) s/, "s", CONFIG, "peer_reply_timeout", 20],
    [/after a random pause of up to (\d+) ms/, "ms", CONFIG, "peer_reply_timeout", 3],
    [/to come is waited for (\d+) s/, "s", "src/core/refresher.rs", "SHORT_LOCK_WAIT"],
  ],
  "docs/decisions/server.md": [[/The grace, (\d+) s by default/, "s", SESSION, "grace"]],
  "SECURITY.md": [
    [/\(`GRACE_SECONDS`, (\d+) by default\)/, "s", SESSION, "grace"],
    [/Idle (\d+) h and absolute/, "h", SESSION, "idle"],
    [/absolute (\d+) days/, "days", SESSION, "absolute"],
    [/told this tab, or (\d+) s/, "s", "src/core/peers.rs", "MAX_UNVERIFIED_LIFETIME"],
    [/\| about (\d+) s and one refresh/, "s", "src/core/credential.rs", "CONFIRMATION_TIMEOUT"],
    [/count for nothing for (\d+) s/, "s", "src/core/peers.rs", "IGNORE_PERIOD"],
    [/\| at most (\d+) s; showing the page/, "s", BACKOFF, "LONGEST"],
    [/after at most (\d+) s where it also/, "s", BACKOFF, "INTERVAL"],
    [/\| at most (\d+) s \|/, "s", BACKOFF, "MOST"],
    [/At most (\d+) KiB are read/, "", "src/wire.rs", "MAX_TOKEN_RESPONSE_BYTES"],
    [/no leeway on `exp` and (\d+) s on `iat`/, "", "src/verify/claims.rs", "CLOCK_SKEW_SECONDS"],
    [/common ones; (\w+) hashes at a time/, "", "www-demo/server/src/passwords.rs", "MAX_CONCURRENT"],
  ],
  "pkg-template/README.md": [
    [/1,000 to 60,000 ms \| ([\d,]+) \|/, "ms", CONFIG, "timeout"],
    [/more than ([\d,]+) calls wait/, "", "src/core/callers.rs", "CAPACITY"],
  ],
};

/** Milliseconds of a unit; the empty one is for plain numbers. @typedef {"" | "ms" | "s" | "min" | "h" | "days"} Unit */
/** @type {Record<Unit, number>} */
const UNITS = { "": 1, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, days: 86_400_000 };

/** What constructors of times count in. @type {Record<string, number>} */
const CONSTRUCTORS = { millis: 1, secs: 1_000, mins: 60_000, hours: 3_600_000 };

/** Numbers that documents spell out. @type {Record<string, number>} */
const WORDS = { two: 2 };

for (const [document, rows] of Object.entries(REPEATED)) {
  for (const [words, unit, file, name, factor = 1] of rows) {
    test(`${document} says what ${name} in ${file} is: ${words.source}`, async () => {
      const told = words.exec((await read(document)).replaceAll(/\s+/g, " "))?.[1];
      assert.ok(told !== undefined, `${document} does not say it any more: take the line out of this table`);

      const number = WORDS[told] ?? Number(told.replaceAll(",", ""));

      assert.equal(number * UNITS[unit], decided(name, file, await read(file)) * factor);
    });
  }
}

test("the oldest Node in the README is that of package.json", async () => {
  const told = /Node ([\d.]+) or newer/.exec(await read("README.md"))?.[1];

  assert.equal(`>=${told}`, JSON.parse(await read("package.json")).engines.node);
});

/**
 * The value of a constant or a field: a plain number, or a time in milliseconds, however it is spelled.
 *
 * @param {string} name
 * @param {string} file
 * @param {string} source
 */
function decided(name, file, source) {
  const spelled = new RegExp(`\\b${name}\\b[^\\n]*?[=:] (?:\\w+::from_(millis|secs|mins|hours)\\()?([\\d_]+)`).exec(
    source,
  );
  assert.ok(spelled, `${file} has no number ${name} any more`);
  const [, made, digits = ""] = spelled;
  return Number(digits.replaceAll("_", "")) * (made === undefined ? 1 : (CONSTRUCTORS[made] ?? Number.NaN));
}
