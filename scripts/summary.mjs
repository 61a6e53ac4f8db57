// @ts-check
/** The line that a test run ends with. */

/** @typedef {{ file: string, seconds: number }} FileTime */
/** @typedef {{ passed: number, failed: number, skipped: number, files?: FileTime[] }} Counts */

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

/**
 * The test files that take longest, and their share of the time of all: where a slow run can be made faster.
 * @param {readonly FileTime[]} files
 * @param {number} [most]
 */
export function slowestLines(files, most = 20) {
  const all = files.reduce((sum, { seconds }) => sum + seconds, 0);
  const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, most);
  const theirs = slowest.reduce((sum, { seconds }) => sum + seconds, 0);
  const lines = slowest.map(({ file, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${file}`);
  return [
    `the slowest ${slowest.length} of ${files.length} test files take ${theirs.toFixed(0)} of ${all.toFixed(0)} s`,
    ...lines,
  ];
}
