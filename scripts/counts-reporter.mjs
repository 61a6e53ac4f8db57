// @ts-check
/** A vitest reporter that writes the counts of a run to the file that REDIFF_TEST_COUNTS names (see test.mjs).
 *
 *  A file that could not be loaded, and an error outside any test, count as one failure each. */
import { writeFileSync } from "node:fs";

/** @typedef {import("vitest/node").Reporter} Reporter */

/** Vitest takes a reporter's default export.
 *  @implements {Reporter} */
export default class CountsReporter {
  /**
   * @param {ReadonlyArray<import("vitest/node").TestModule>} modules
   * @param {ReadonlyArray<unknown>} errors
   */
  onTestRunEnd(modules, errors) {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++;
      if (module.state() === "failed" && module.errors().length > 0) counts.failed++;
    }
    const { passed, failed, skipped, pending } = counts;
    const files = modules.map((module) => {
      const { setupDuration, prepareDuration, collectDuration, duration } = module.diagnostic();
      return {
        file: module.relativeModuleId,
        seconds: (setupDuration + prepareDuration + collectDuration + duration) / 1000,
      };
    });
    const file = process.env.REDIFF_TEST_COUNTS;
    if (file) writeFileSync(file, JSON.stringify({ passed, failed: failed + pending, skipped, files })); // pending: cut off
  }
}
