// npm run bench -- decode|train|overhead ...: side by side with the Python reference; kernels: one beside the other;
// serve: our server under load; cache: with and without caches; eight: 8B's true shapes. See README.md in this folder.

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { limitOf, writeSection } from "./report.mjs";
import { SHAPES } from "./shapes.mjs";

const USAGE = `Usage: npm run bench -- decode --reference CLONE --python PYTHON [--shape ${Object.keys(SHAPES).join("|")}]
       npm run bench -- train --reference CLONE --python PYTHON [--shape NAME] [--layers N]
       npm run bench -- overhead --python PYTHON
       npm run bench -- kernels
       npm run bench -- serve [--model DIR] [--clients N] [--seconds S]
       npm run bench -- evaluate [--model DIR] [--scenes N]
       npm run bench -- cache [--model DIR] [--scenes N] [[--reference CLONE] [--hook CLONE] --python PYTHON [--shape NAME]]
       npm run bench -- library [--model DIR] [--gen-length N]
       npm run bench -- eight [--part NAMES] [--format NAMES] [--layers N] [--reference CLONE --python PYTHON]

  --reference CLONE   folder with a clone of the original ReDiff repository
  --hook CLONE        cache: folder with a clone of LLaDA-V that has train/llava/hooks/fast_dllm_hook.py
  --python PYTHON     a Python that has the packages of bench/reference/requirements.txt
  --shape NAME        decode, train: which shape; all by default
  --repeats N         runs per side, in turns (decode, train: 3, overhead, kernels: 5)
  --threads N         threads of each side (decode, train: 2, overhead: 1, serve: all)
  --max-forwards N    decode: break off after N forward passes
  --layers N          train, eight: another number of layers than the shape's own
  --part NAMES        eight: make, passes, quality, memory, captions, or some of them with commas (all)
  --format NAMES      eight: bfloat16, int8, int4, or some of them with commas (all)
  --model DIR         serve, evaluate, library: which model; default the embedded one
  --scenes N          evaluate: pictures (200)
  --clients N         serve: clients at once (32)
  --seconds S         serve: for how long (60)
  --gen-length N      serve, library: tokens of an answer (48)
  --scenes N          cache: scenes to describe (60)
  --together          cache: eight pictures at once beside one at a time, and nothing else
  --prompt N          cache: positions of the long prompt (1024); eight: those of passes and quality (819)
  --only SIDE         measure one side alone: reference or engine
  --work DIR          where the random checkpoints are kept (the system's folder for temporary files; eight: bench in
                      the cache folder, REDIFF_CACHE)
  --write             put the tables into docs/benchmarks.md
  --verbose           pass on what the sides print
`;

const WHATS = ["decode", "train", "overhead", "kernels", "serve", "evaluate", "cache", "library", "eight"];
/** They need no Python. */
const ALONE = ["kernels", "serve", "evaluate", "cache", "library", "eight"];

const PARTS = ["make", "passes", "quality", "memory", "captions"];
const FORMATS = ["bfloat16", "int8", "int4"];

class UsageError extends Error {}

function parse(args) {
  const string = { type: "string" };
  const flag = { type: "boolean", default: false };
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        reference: string,
        python: string,
        hook: string,
        shape: string,
        repeats: string,
        threads: string,
        "max-forwards": string,
        layers: string,
        model: string,
        clients: string,
        seconds: string,
        scenes: string,
        "gen-length": string,
        prompt: string,
        only: string,
        work: string,
        part: string,
        format: string,
        together: flag,
        write: flag,
        verbose: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = parsed;
  const [what, ...surplus] = positionals;
  if (values.help) return { what: "help" };
  if (surplus.length > 0 || !WHATS.includes(what)) {
    throw new UsageError(`expected one of ${WHATS.join(", ")}, got ${positionals.join(" ") || "nothing"}`);
  }
  oneOf("--only", values.only, ["reference", "engine"]);
  oneOf("--shape", values.shape, Object.keys(SHAPES));
  const needed =
    values.only === "engine" || ALONE.includes(what) ? [] : what === "overhead" ? ["python"] : ["reference", "python"];
  for (const name of needed) {
    if (values[name] === undefined) throw new UsageError(`${what} needs --${name} (or --only engine)`);
  }
  if (values.reference !== undefined && !existsSync(join(values.reference, "train/llava"))) {
    throw new UsageError(`--reference ${values.reference} is no clone of ReDiff: it has no train/llava`);
  }
  if (values.hook !== undefined && !existsSync(join(values.hook, "train/llava/hooks/fast_dllm_hook.py"))) {
    throw new UsageError(
      `--hook ${values.hook} is no clone of LLaDA-V with its hook: train/llava/hooks/fast_dllm_hook.py is missing`,
    );
  }
  return {
    what,
    ...values,
    work: values.work ?? (what === "eight" ? undefined : tmpdir()),
    parts: some("--part", values.part, PARTS),
    formats: some("--format", values.format, FORMATS),
    shapes: values.shape === undefined ? Object.keys(SHAPES) : [values.shape],
    repeats: count("--repeats", values.repeats) ?? { overhead: 5, kernels: 5 }[what] ?? 3,
    threads:
      count("--threads", values.threads) ??
      { overhead: 1, serve: undefined, library: undefined, cache: 1, decode: 2, train: 2, eight: 2 }[what],
    maxForwards: count("--max-forwards", values["max-forwards"]),
    layers: count("--layers", values.layers),
    scenes: count("--scenes", values.scenes) ?? (what === "cache" ? 60 : 200),
    clients: count("--clients", values.clients) ?? 32,
    seconds: count("--seconds", values.seconds) ?? 60,
    prompt: count("--prompt", values.prompt) ?? (what === "eight" ? undefined : 1024),
    genLength: count("--gen-length", values["gen-length"]) ?? 48,
  };
}

function oneOf(name, value, allowed) {
  if (value !== undefined && !allowed.includes(value)) {
    throw new UsageError(`${name} must be one of ${allowed.join(", ")}, got ${value}`);
  }
}

/** Names with commas, in the order of those that there are; all where none are given. */
function some(name, value, allowed) {
  const given = value?.split(",") ?? allowed;
  for (const one of given) oneOf(name, one, allowed);
  return allowed.filter((one) => given.includes(one));
}

function count(name, text) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${name} must be a positive integer, got ${text}`);
  return value;
}

async function main() {
  const options = parse(process.argv.slice(2));
  if (options.what === "help") {
    process.stdout.write(USAGE);
    return;
  }
  const log = (line) => console.error(line);
  const write = ({ name, title, text }) => {
    const limit = limitOf();
    const [section, heading] =
      limit === undefined ? [name, title] : [`${name}:${limit}`, `${title}, with ${limit} only`];
    return writeSection(join(import.meta.dirname, "../docs/benchmarks.md"), section, heading, text);
  };
  /** A part that is done: printed, and written where that is asked for. */
  const finish = async ({ name, title, text, ok }) => {
    process.stdout.write(`\n## ${title}\n\n${text}\n`);
    if (options.write) await write({ name, title, text });
    if (!ok) process.exitCode = 1;
  };
  const results = [];
  // Imported late: these load libtorch, and a wrong argument should not wait for that.
  if (options.what === "decode") {
    const { benchDecode } = await import("./decode.mjs");
    for (const shape of options.shapes) results.push(await benchDecode({ ...options, shape, log }));
  } else if (options.what === "train") {
    const { benchTrain } = await import("./train.mjs");
    for (const shape of options.shapes) results.push(await benchTrain({ ...options, shape, log }));
  } else if (options.what === "kernels") {
    const { benchKernels } = await import("./kernels.mjs");
    results.push(benchKernels({ ...options, log }));
  } else if (options.what === "serve") {
    const { benchServe } = await import("./serve.mjs");
    results.push(...(await benchServe({ ...options, log })));
  } else if (options.what === "evaluate") {
    const { benchEvaluate } = await import("./evaluate.mjs");
    results.push(await benchEvaluate({ ...options, threads: options.threads ?? 0, log }));
  } else if (options.what === "cache") {
    const { benchTogether } = await import("./together.mjs");
    const { benchCache } = await import("./cache.mjs");
    results.push(...(await (options.together ? benchTogether : benchCache)({ ...options, log })));
  } else if (options.what === "library") {
    const { benchLibrary } = await import("./library.mjs");
    results.push(await benchLibrary({ ...options, log }));
  } else if (options.what === "eight") {
    const [{ benchEight }, { cacheRoot }] = await Promise.all([
      import("./eight/eight.mjs"),
      import("../packages/torch/setup/paths.mjs"),
    ]);
    const work = options.work ?? join(cacheRoot(), "bench");
    for await (const result of benchEight({ ...options, work, log })) await finish(result);
  } else {
    const { benchOverhead } = await import("./overhead.mjs");
    results.push(await benchOverhead({ ...options, log }));
  }
  for (const result of results) await finish(result);
}

try {
  await main();
} catch (error) {
  const verbose = process.argv.includes("--verbose");
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : verbose ? error.stack : error.message);
  process.exitCode = 1;
}
