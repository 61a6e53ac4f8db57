// @ts-check
/** npm run test:processors [-- OPTIONS]: everything that judges numbers, as on other processors.
 *
 *  Processors round differently: sums are taken in another order, by other instructions. No test may hang on that, so the
 *  test files that compute (`judgesNumbers`) and all goldens run once for each way in which this processor can be made to
 *  compute. The last line is `N passed, N failed`, over all of them. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CONFIGURATIONS, flagsOf, GOLDENS_COMMAND, judgesNumbers, readGoldens, whyNot } from "./processors.mjs";
import { addCounts, countsOf, summaryLines } from "./summary.mjs";
import { root, runScript, SetupError, setUp } from "./workspace.mjs";

const GOLDENS = "../shared/goldens/public";

const usage = `npm run test:processors -- [options]

  --only TEXT      only configurations with this in their name
  --goldens DIR    recorded outputs of the original code (default ${GOLDENS}; without it they are left out)
  --list           name the configurations and the test files, run nothing`;

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      goldens: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const chosen = CONFIGURATIONS.filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()));
  if (chosen.length === 0)
    throw new SetupError(
      `no configuration has "${values.only}" in its name`,
      `They are: ${CONFIGURATIONS.map(({ name }) => name).join("; ")}.`,
    );
  const files = numberFiles();
  if (values.list) {
    const settings = chosen.map(({ name, env }) => `${name}: ${JSON.stringify(env)}`);
    console.log([...settings, ...files].join("\n"));
    return 0;
  }
  const goldens = goldensFolder(values.goldens);
  await setUp({ quiet: true });
  if (goldens === undefined) console.log(`no recorded outputs in ${GOLDENS}: goldens are left out`);
  return await runAll(chosen, files, goldens);
});

/**
 * @param {readonly import("./processors.mjs").Configuration[]} configurations
 * @param {readonly string[]} files
 * @param {string | undefined} goldens
 */
async function runAll(configurations, files, goldens) {
  const cpuinfo = "/proc/cpuinfo";
  const machine = {
    flags: flagsOf(existsSync(cpuinfo) ? readFileSync(cpuinfo, "utf8") : undefined),
    cores: os.availableParallelism(),
  };
  const results = [];
  for (const configuration of configurations) {
    const obstacle = whyNot(configuration, machine);
    if (obstacle === undefined) results.push(await runOne(configuration, files, goldens));
    else console.log(`${configuration.name}: skipped, ${obstacle}`);
  }
  const total = addCounts(results);
  console.log(summaryLines(total).join("\n"));
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/**
 * Tests and goldens side by side: the goldens' long tail is one process.
 * @param {import("./processors.mjs").Configuration} configuration
 * @param {readonly string[]} files
 * @param {string | undefined} goldens
 */
async function runOne({ name, env }, files, goldens) {
  const started = performance.now();
  const [tests, recorded] = await Promise.all([runTests(files, env), goldens && runGoldens(goldens, env)]);
  const seconds = Math.round((performance.now() - started) / 1000);
  for (const output of [tests, recorded]) if (output && output.counts.failed > 0) console.log(output.text);
  const parts = [`tests ${sentence(tests.counts)}`];
  if (recorded) parts.push(`goldens ${sentence(recorded.counts)}, off by ${recorded.largest.toExponential(1)} at most`);
  console.log(`${name}: ${parts.join("; ")} (${seconds} s)`);
  return addCounts([tests.counts, ...(recorded ? [recorded.counts] : [])]);
}

/** @param {import("./summary.mjs").Counts} counts */
function sentence({ passed, failed }) {
  return `${passed} passed, ${failed} failed`;
}

/**
 * @param {readonly string[]} files
 * @param {Record<string, string>} env
 */
async function runTests(files, env) {
  const folder = mkdtempSync(join(os.tmpdir(), "rediff-processors-"));
  const counts = join(folder, "counts.json");
  try {
    const reporters = ["--reporter=dot", `--reporter=${join(root, "scripts", "counts-reporter.mjs")}`];
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const { status, text } = await node([vitest, "run", "--silent", ...reporters, ...files], {
      ...env,
      REDIFF_TEST_COUNTS: counts,
    });
    return { counts: countsOf(existsSync(counts) ? readFileSync(counts, "utf8") : undefined, status), text };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {Record<string, string>} env
 */
async function runGoldens(folder, env) {
  const threads = env.REDIFF_TEST_THREADS ?? "1"; // the tests need the other cores
  const { text } = await node([join(root, GOLDENS_COMMAND), folder], { ...env, OMP_NUM_THREADS: threads });
  const { largest, failures, ...counts } = readGoldens(text);
  return { counts, largest, text: failures.join("\n") };
}

/** @param {string | undefined} asked */
function goldensFolder(asked) {
  const folder = resolve(root, asked ?? GOLDENS);
  if (existsSync(folder)) return folder;
  if (asked === undefined) return undefined;
  throw new SetupError(`--goldens ${asked}: no such folder`, "Name the folder of the recorded outputs.");
}

/** Test files that judge numbers, from the root, with slashes. */
function numberFiles() {
  const names = readdirSync(join(root, "packages"), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts") && !/(^|[\\/])(node_modules|dist)[\\/]/.test(name))
    .map((name) => `packages/${name.replaceAll("\\", "/")}`)
    .filter((path) => judgesNumbers(path, readFileSync(join(root, path), "utf8")))
    .sort();
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<{ status: number, text: string }>}
 */
function node(args, env) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    child.on("error", fail);
    child.on("close", (code) => done({ status: code ?? 1, text }));
  });
}
