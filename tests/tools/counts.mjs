/** Parses the numbers of tests from the output of the test runners. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @returns {Counts} */
export function none() {
  return { passed: 0, failed: 0, skipped: 0 };
}

/**
 * @param {Counts} left
 * @param {Counts} right
 * @returns {Counts}
 */
export function sum(left, right) {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/**
 * Adds up the closing lines of `cargo test` (and of wasm-bindgen's runner, which prints the same) and of `node --test`.
 *
 * @param {string} output
 * @returns {Counts}
 */
export function countTests(output) {
  let counts = none();
  for (const [, passed, failed, skipped] of output.matchAll(
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    counts = sum(counts, { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) });
  }
  /** @type {Record<string, keyof Counts>} */
  const kinds = { pass: "passed", fail: "failed", cancelled: "failed", skipped: "skipped", todo: "skipped" };
  for (const [, kind = "", number] of output.matchAll(/^ℹ (pass|fail|cancelled|skipped|todo) (\d+)$/gm)) {
    const counted = kinds[kind];
    if (counted) counts[counted] += Number(number);
  }
  return counts;
}
