// @ts-check
/** What `npm run test:processors` runs, and under which conditions: the parts of it that run nothing. */

/**
 * @typedef {object} Configuration
 * @property {string} name
 * @property {Record<string, string>} env
 * @property {readonly string[]} [flags] that the processor has to have, as Linux names them
 * @property {number} [cores] that the machine has to have
 */

/** What `npm run goldens` runs. */
export const GOLDENS_COMMAND = "packages/rediff/dist/testing/goldens/goldens-main.js";

/** None is measured, or the same command would compute differently on the next machine. */
const USUAL = "onednn,bfloat16-native,attention-fused";

/** Libtorch, oneDNN and MKL choose their code by the processor, each with a variable of its own that takes less.
 *  @type {readonly Configuration[]} */
export const CONFIGURATIONS = [
  { name: "native, products by oneDNN", env: { REDIFF_KERNELS: USUAL } },
  { name: "native, products by ATen", env: { REDIFF_KERNELS: "aten,bfloat16-native,attention-fused" } },
  {
    name: "native, bfloat16 by way of float32, attention in products",
    env: { REDIFF_KERNELS: "onednn,bfloat16-float32,attention-products" },
  },
  {
    name: "native, bfloat16 by way of float32, tile by tile",
    env: { REDIFF_KERNELS: "onednn,bfloat16-tiles,attention-fused" },
  },
  { name: "native, plain kernels", env: { REDIFF_KERNELS: "plain" } },
  { name: "native, two threads", env: { REDIFF_TEST_THREADS: "2", REDIFF_KERNELS: USUAL }, cores: 2 },
  {
    name: "SSE4.1",
    env: { REDIFF_KERNELS: USUAL, ATEN_CPU_CAPABILITY: "default", ONEDNN_MAX_CPU_ISA: "SSE41", MKL_CBWR: "COMPATIBLE" },
    flags: ["sse4_1"],
  },
  {
    name: "AVX2",
    env: { REDIFF_KERNELS: USUAL, ATEN_CPU_CAPABILITY: "avx2", ONEDNN_MAX_CPU_ISA: "AVX2" },
    flags: ["avx2", "fma"],
  },
  {
    name: "AVX-512",
    env: { REDIFF_KERNELS: USUAL, ATEN_CPU_CAPABILITY: "avx512", ONEDNN_MAX_CPU_ISA: "AVX512_CORE" },
    flags: ["avx512f", "avx512bw", "avx512dq", "avx512vl"],
  },
];

/**
 * Why a configuration cannot be run on a machine; undefined where it can.
 * @param {Configuration} configuration
 * @param {{ flags: ReadonlySet<string> | undefined, cores: number }} machine without flags where they are not known
 * @returns {string | undefined}
 */
export function whyNot({ flags = [], cores = 1 }, machine) {
  if (machine.cores < cores) return `needs ${cores} cores, there is ${machine.cores}`;
  if (flags.length > 0 && machine.flags === undefined) return "this system does not tell what its processor can do";
  const missing = flags.filter((flag) => !machine.flags?.has(flag));
  return missing.length > 0 ? `this processor lacks ${missing.join(", ")}` : undefined;
}

/**
 * What the processor can do, from Linux' /proc/cpuinfo.
 * @param {string | undefined} text
 * @returns {ReadonlySet<string> | undefined}
 */
export function flagsOf(text) {
  const line = text === undefined ? undefined : /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1];
  return line === undefined ? undefined : new Set(line.trim().split(/\s+/));
}

/** Where tensors come from: the library, tiny models, loaded models; and the model of the tests' fixtures. */
const COMPUTES = /from "(@rediff\/torch|[./]+([a-z-]+\/)*(tiny-model|vision-language-model)\.js)"/;
const IS_GIVEN_A_MODEL = /from "[./]+testing\/fixtures\.js"[\s\S]*async \(\{[^}]*\b(model|tinyModel)\b/;

/**
 * Whether a test file judges numbers. One that computes with tensors does; one that starts programs is about programs,
 * and what those compute is judged where it is computed.
 * @param {string} path from the root, with slashes
 * @param {string} source
 */
export function judgesNumbers(path, source) {
  if (path.includes("/src/cli/") || source.includes('from "node:child_process"')) return false;
  return path.startsWith("packages/torch/src/") || COMPUTES.test(source) || IS_GIVEN_A_MODEL.test(source);
}

/**
 * What the goldens' command printed: its counts, the largest deviation, and the lines of what failed. One that ended
 * without counts is one failure.
 * @param {string} output
 */
export function readGoldens(output) {
  const lines = output.trimEnd().split("\n");
  const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lines.at(-1) ?? "") ?? [];
  const deviations = lines.map((line) => Number(/^passed +\S+ +(\S+)/.exec(line)?.[1])).filter(Number.isFinite);
  const failures = lines.filter((line) => line.startsWith("failed "));
  return passed === undefined
    ? { passed: 0, failed: 1, skipped: 0, largest: 0, failures: lines.slice(-20) }
    : {
        passed: Number(passed),
        failed: Number(failed),
        skipped: Number(skipped),
        largest: Math.max(0, ...deviations),
        failures,
      };
}
