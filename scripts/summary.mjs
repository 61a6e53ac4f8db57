// @ts-check
/** The line that a test run ends with. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * What a run of vitest comes to. One that failed though no test did, or left no counts, is one failure.
 * @param {string | undefined} written by the reporter
 * @param {number} status vitest's exit status
 * @returns {Counts}
 */
export function countsOf(written, status) {
  const counts = written === undefined ? { passed: 0, failed: 0, skipped: 0 } : JSON.parse(written);
  if (counts.failed === 0 && (status !== 0 || written === undefined)) counts.failed = 1;
  return counts;
}

/**
 * @param {Counts[]} counts
 * @returns {Counts}
 */
export function addCounts(counts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of counts) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/**
 * What a run ends with; what was skipped is said before, so that the last line has one form.
 * @param {Counts} counts
 */
export function summaryLines({ passed, failed, skipped }) {
  return [...(skipped > 0 ? [`${skipped} skipped`] : []), `${passed} passed, ${failed} failed`];
}
