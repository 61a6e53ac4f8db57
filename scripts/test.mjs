// @ts-check
/** npm test: set-up, lint, types, all tests. npm test -- ARGS: set-up, then only vitest with these.
 *
 *  The last line is `N passed, N failed`, with lint and types counted as one check each; the exit status is non-zero if
 *  anything failed, or if nothing ran. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addCounts, countsOf, slowestLines, summaryLines } from "./summary.mjs";
import { root, runScript, SetupError, setUp } from "./workspace.mjs";

await runScript(async () => {
  const args = process.argv.slice(2);
  const results = [];
  if (args.length === 0) {
    results.push(await check("set-up and types", () => setUp({ quiet: true })));
    results.push(await check("lint", () => tool("lint", ["@biomejs", "biome", "bin", "biome"], ["check", "."])));
  } else {
    await setUp({ quiet: true, types: "wanted" });
  }
  const tests = await runTests(args);
  results.push(tests);
  if (args.length === 0) process.stdout.write(`${slowestLines(tests.files ?? []).join("\n")}\n`);
  const total = addCounts(results);
  process.stdout.write(`${summaryLines(total).join("\n")}\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
});

/**
 * Runs a step that counts as one test.
 * @param {string} name
 * @param {() => Promise<void>} work
 */
async function check(name, work) {
  try {
    await work();
    return { passed: 1, failed: 0, skipped: 0 };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`FAILED ${name}: ${error.line}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** @param {string[]} args */
async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), "rediff-test-"));
  const file = join(folder, "counts.json");
  const reporters = ["--reporter=default", `--reporter=${join(root, "scripts", "counts-reporter.mjs")}`];
  try {
    const status = await node(["vitest", "vitest.mjs"], ["run", ...reporters, ...args], { REDIFF_TEST_COUNTS: file });
    return countsOf(existsSync(file) ? readFileSync(file, "utf8") : undefined, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} name
 * @param {string[]} script inside node_modules
 * @param {string[]} args
 */
async function tool(name, script, args) {
  const status = await node(script, args);
  if (status !== 0)
    throw new SetupError(`${name} ended with status ${status}`, "See above; npm run format mends most of it.");
}

/**
 * @param {string[]} script inside node_modules
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<number>}
 */
function node(script, args, env = {}) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(root, "node_modules", ...script), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: "inherit",
    });
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 1));
  });
}
