// What caches are worth, and what they cost: captions of scenes by the embedded model with each cache and without, and a
// model with a long prompt, which is what caches are for. All take turns in one process; processor seconds are counted, so
// that other programs matter less.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, getThreads, randn, scope, setThreads, torchVersion } from "@rediff/torch";
import { loadModelFolder } from "../packages/rediff/dist/checkpoint/load-model.js";
import { decodeOptions } from "../packages/rediff/dist/diffusion/decode-options.js";
import { Decoder } from "../packages/rediff/dist/diffusion/decoder.js";
import { embeddedModelFolder } from "../packages/rediff/dist/embedded.js";
import { describeMany } from "../packages/rediff/dist/inference/describe-many.js";
import { loadModel } from "../packages/rediff/dist/inference/vision-language-model.js";
import { readScenes } from "../packages/rediff/dist/scenes/records/scene-records.js";
import { scoreCaption } from "../packages/rediff/dist/scenes/scoring/score.js";
import { writeTinyModel } from "../packages/rediff/dist/testing/tiny-model.js";
import { randomCheckpoint } from "./checkpoint.mjs";
import { conditions, median, speedup, spread, table } from "./report.mjs";
import { promptOf, SHAPES } from "./shapes.mjs";
import { referenceStarter, startersOf, withSides } from "./side.mjs";

const BATCH = 16;
const PROGRAM = join(import.meta.dirname, "../packages/rediff/bin/rediff.mjs");

const VARIANTS = [
  { name: "none", options: {} },
  { name: "refresh, every 1", options: { cache: "refresh", refreshEvery: 1 } },
  { name: "refresh, every 4", options: { cache: "refresh", refreshEvery: 4 } },
  { name: "refresh (8, a quarter)", options: { cache: "refresh" } },
  { name: "refresh, not certified", options: { cache: "refresh", certify: false } },
  { name: "refresh, every 16, a half", options: { cache: "refresh", refreshEvery: 16, refreshChanged: 0.5 } },
  { name: "refresh, every 64, all", options: { cache: "refresh", refreshEvery: 64, refreshChanged: 1 } },
  { name: "fast-dllm (32)", options: { cache: "fast-dllm" } },
  { name: "dllm-cache (25,7,0.25)", options: { cache: "dllm-cache" } },
];

/**
 * @param {{ model?: string, threads?: number, repeats: number, scenes?: number, prompt?: number, reference?: string, python?: string, hook?: string,
 *   shapes: string[], work: string, maxForwards?: number, verbose: boolean, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }[]>}
 */
export async function benchCache(options) {
  setThreads(options.threads ?? 1);
  const { reference, python, hook, shapes } = options;
  if (python === undefined || (reference === undefined && hook === undefined))
    return [await benchCaptions(options), await benchLongPrompt(options)];
  const beside = [];
  for (const shape of shapes) {
    if (reference !== undefined) beside.push(await benchBeside(shape, options));
    if (hook !== undefined) beside.push(await benchHook(shape, options));
  }
  return beside;
}

/** One algorithm twice: Fast-dLLM's cache, as LLaDA-V's hook has it and as ours. The tokens must be equal. */
async function benchHook(name, { work, hook: clone, python, threads = 2, repeats, verbose, log }) {
  const shape = SHAPES[name];
  const checkpoint = await randomCheckpoint(shape, work);
  const [, engine] = startersOf("decode", checkpoint, { threads, verbose });
  const hooked = { clone, python, threads, verbose, title: "LLaDA-V's hook", variant: "hooked" };
  return withSides([referenceStarter("decode", checkpoint, hooked), engine], async (sides) => {
    const { prompt: promptRows, ...schedule } = shape.decode;
    const request = { op: "decode", prompt_ids: promptOf(shape, promptRows), ...schedule };
    const asked = [request, { ...request, cache: { kind: "fast-dllm", every: 32 } }];
    for (const [i, side] of sides.entries()) await side.run({ id: -1, ...asked[i], max_forwards: 2 });
    const replies = [[], []];
    for (let repeat = 0; repeat < repeats; repeat++)
      for (const i of repeat % 2 === 0 ? [0, 1] : [1, 0]) {
        const reply = await sides[i].run({ id: repeat, ...asked[i] });
        replies[i].push(reply);
        log(`  ${repeat + 1}/${repeats} ${sides[i].name}: ${reply.forwards} passes in ${reply.seconds.toFixed(2)} s`);
      }
    const texts = new Set(replies.flat().map(({ tokens }) => tokens.join()));
    const seconds = replies.map((side) => side.map((reply) => reply.seconds));
    const cached = replies.map((side) => side.map(({ step_seconds: steps }) => median(steps.slice(1))));
    const rows = [
      ["", "seconds for an answer", "of it a cached step"],
      ...sides.map((side, i) => [side.name, spread(seconds[i]), spread(cached[i])]),
    ];
    const how = `Hidden ${shape.hidden}, ${shape.layers} layers, vocabulary ${shape.vocabulary}; prompt ${promptRows}, answer ${schedule.gen_length} in ${schedule.steps} steps, the first of them over everything; float32, CPU, ${threads} threads; median (range) of ${repeats} runs that took turns.`;
    const equal = texts.size === 1 ? "the same in every run" : "**they differ**";
    const faster = `Speed: **${speedup(...seconds)}**, of a cached step ${speedup(...cached)}. Tokens: ${equal}.`;
    return {
      name: `cache:hook:${name}`,
      title: `Fast-dLLM's cache beside LLaDA-V's hook, shape "${name}"`,
      text: [how, "", table(rows), "", faster, "", conditions(sides)].join("\n"),
      ok: texts.size === 1,
    };
  });
}

/** R-cache as it is, and as seldom refreshed as may be; the last beside four times as many passes of the original. */
const BESIDE = [
  { title: "`--cache refresh`", steps: 32, cache: { every: 8, changed: 0.25, certify: true } },
  {
    title: "`--cache refresh --refresh-every 32 --refresh-changed 1 --no-certify`",
    steps: 32,
    cache: { every: 32, changed: 1, certify: false },
  },
  {
    title: "the same, 128 steps",
    steps: 128,
    cache: { every: 128, changed: 1, certify: false },
  },
];

/** Whole answers with a cache beside the original, which has none, in turns: revised. The original's are as long as its
 *  passes times their number where only some of them are made. */
async function benchBeside(name, options) {
  const { threads, repeats, log } = options;
  const shape = SHAPES[name];
  const checkpoint = await randomCheckpoint(shape, options.work);
  return withSides(startersOf("decode", checkpoint, options), async (sides) => {
    const [reference, own] = sides;
    const { prompt: promptRows, ...schedule } = shape.decode;
    const request = { op: "decode", prompt_ids: promptOf(shape, promptRows), ...schedule, revise: true };
    const passes = options.maxForwards ?? shape.maxForwards ?? 4;
    for (const side of sides) await side.run({ id: -1, ...request, max_forwards: 1 });
    /** @type {number[]} */
    const pass = [];
    // As it is, R-cache computes everything in most passes of a model of random weights: at 8B's proportions ten minutes.
    const measured = BESIDE.slice(name === "small" ? 0 : 1).map((variant) => ({
      ...variant,
      seconds: [],
      forwards: 0,
      cached: [],
    }));
    const timeReference = async () => {
      const reply = await reference.run({ id: 0, ...request, max_forwards: passes });
      pass.push(reply.seconds / reply.forwards);
      log(`  the original: ${reply.forwards} passes in ${reply.seconds.toFixed(2)} s`);
    };
    for (let repeat = 0; repeat < repeats; repeat++) {
      await timeReference();
      for (const one of measured) {
        const cache = { kind: "refresh", ...one.cache };
        const reply = await own.run({ id: repeat, ...request, steps: one.steps, cache });
        one.forwards = reply.forwards;
        one.seconds.push(reply.seconds);
        one.cached.push(median(reply.step_seconds));
        log(`  ${one.title}: ${reply.forwards} passes in ${reply.seconds.toFixed(2)} s`);
      }
      await timeReference();
    }
    const ofOriginal = (steps) => pass.map((seconds) => seconds * steps);
    const ratio = (steps, { seconds }) => `${(median(ofOriginal(steps)) / median(seconds)).toFixed(1)}x`;
    const rows = [
      ["", "passes", "seconds", "of it the median pass", "beside 32 passes of the original", "beside 128"],
      ["the original, 32 steps", 32, spread(ofOriginal(32)), spread(pass), "1.0x", ""],
      ...measured.map((one) => [
        `rediff, ${one.title}`,
        one.forwards,
        spread(one.seconds),
        spread(one.cached),
        one.steps === 32 ? ratio(32, one) : "",
        ratio(128, one),
      ]),
    ];
    const settling =
      measured.length < BESIDE.length
        ? ""
        : " Approximate: random weights never settle, so the certifying passes of the first line are as many as there may be.";
    const how = `Hidden ${shape.hidden}, ${shape.layers} layers; prompt ${promptRows}, answer ${schedule.gen_length}, revising; of the original ${passes} passes were timed before and behind ours, and multiplied. float32, CPU, ${threads} threads; median (range) of ${repeats} runs.${settling}`;
    return {
      name: `cache:original:${name}`,
      title: `R-cache beside the original, shape "${name}"`,
      text: [how, "", table(rows), "", conditions(sides)].join("\n"),
      ok: measured.every(({ seconds }) => median(seconds) < median(ofOriginal(32))),
    };
  });
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

async function benchCaptions({ model: folder = embeddedModelFolder(), scenes: count = 60, log }) {
  const work = mkdtempSync(join(tmpdir(), "rediff-bench-cache-"));
  try {
    const args = ["scenes", "generate", "--count", String(count), "--seed", "9907", "--output", work];
    const made = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(made.stderr);
    const scenes = [];
    for await (const scene of readScenes(join(work, "scenes.jsonl"))) scenes.push(scene);
    const pictures = scenes.map(({ record }) => [join(work, record.image)]);
    const model = await loadModel(folder);
    const rows = [["cache", "same caption", "no error", "passes", "full", "rows computed", "certified"]];
    let ok = true;
    for (const tokensPerStep of [1, 4]) {
      let plain;
      for (const { name, options } of VARIANTS) {
        const told = [];
        const all = { tokensPerStep, revise: true, batch: BATCH, ...options };
        for await (const result of describeMany(model, pictures, all)) {
          if (!result.ok) throw result.error;
          told.push(result.description);
        }
        plain ??= told;
        const same = told.filter(({ text }, i) => text === plain[i]?.text).length;
        if (name === "refresh, every 1" && same < count) ok = false;
        const exact = told.filter(({ text }, i) => scoreCaption(text, scenes[i].facts).exact === 1).length;
        const sum = (/** @type {(cache: NonNullable<import("rediff").Description["cache"]>) => number} */ of) =>
          told.reduce((total, { cache }) => total + (cache === undefined ? 0 : of(cache)), 0);
        const rowsAll = sum((c) => c.rowsComputed + c.rowsKept);
        rows.push([
          `${tokensPerStep} a step: ${name}`,
          `${same} of ${count}`,
          exact,
          (told.reduce((total, { steps }) => total + steps, 0) / count).toFixed(1),
          rowsAll === 0 ? "" : (sum((c) => c.fullPasses) / count).toFixed(1),
          rowsAll === 0 ? "" : `${((100 * sum((c) => c.rowsComputed)) / rowsAll).toFixed(0)} %`,
          rowsAll === 0 ? "" : sum((c) => (c.certified ? 1 : 0)),
        ]);
        log(rows.at(-1).join(" | "));
      }
    }
    model[Symbol.dispose]();
    const title = `Caches: captions of ${count} scenes by the embedded model, revised`;
    return { name: "cache:captions", title, text: table(rows), ok };
  } finally {
    rmSync(work, { recursive: true });
  }
}

const LONG = { genLength: 128, steps: 32 };

async function benchLongPrompt({ repeats, prompt: promptRows = 1024, log }) {
  const work = mkdtempSync(join(tmpdir(), "rediff-bench-cache-"));
  try {
    const shape = { textOnly: true, hiddenSize: 256, intermediateSize: 768, layers: 6, heads: 8, maxPositions: 4096 };
    const model = await loadModelFolder(writeTinyModel(work, shape));
    const generator = new Generator(1);
    const prompt = scope(() => randn([promptRows, shape.hiddenSize], generator));
    const kinds = [
      { name: "none", cache: undefined },
      { name: "refresh (8, a quarter)", cache: { kind: "refresh", every: 8, changed: 0.25, certify: false } },
      { name: "refresh, every 32, all", cache: { kind: "refresh", every: 32, changed: 1, certify: false } },
      { name: "fast-dllm (32)", cache: { kind: "fast-dllm", every: 32 } },
      {
        name: "dllm-cache (25,7,0.25)",
        cache: { kind: "dllm-cache", promptInterval: 25, genInterval: 7, transferRatio: 0.25 },
      },
    ].map((kind) => ({ ...kind, seconds: [], report: undefined }));
    for (const batch of [1, 4]) {
      for (const kind of kinds) Object.assign(kind, { [`seconds${batch}`]: [] });
      for (let repeat = 0; repeat < repeats; repeat++)
        for (const kind of kinds) {
          const options = decodeOptions({ genLength: LONG.genLength, steps: LONG.steps, cache: kind.cache });
          const decoder = new Decoder(model);
          const all = Array.from({ length: batch }, () => decoder.add(prompt, options));
          const began = cpuSeconds();
          while (decoder.active > 0) decoder.step();
          kind[`seconds${batch}`].push(cpuSeconds() - began);
          kind.report = all[0].cacheReport;
          for (const decoding of all) decoding[Symbol.dispose]();
          decoder[Symbol.dispose]();
          log(`batch ${batch}, ${kind.name}: ${kind[`seconds${batch}`].at(-1).toFixed(2)} s`);
        }
    }
    const rows = [
      ["cache", "CPU seconds, alone", "speed", "CPU seconds, 4 together", "speed", "full passes", "MB each"],
    ];
    for (const kind of kinds)
      rows.push([
        kind.name,
        spread(kind.seconds1),
        speedup(kinds[0].seconds1, kind.seconds1),
        spread(kind.seconds4),
        speedup(kinds[0].seconds4, kind.seconds4),
        kind.report === undefined ? LONG.steps : kind.report.fullPasses,
        kind.report === undefined ? 0 : (kind.report.bytes / 1e6).toFixed(1),
      ]);
    prompt.dispose();
    model[Symbol.dispose]();
    const how = `Width ${shape.hiddenSize}, ${shape.layers} layers, random weights; prompt ${promptRows}, answer ${LONG.genLength} in ${LONG.steps} steps, not revised; float32, processor seconds, median (range) of ${repeats} runs that took turns.`;
    const hello = { torch: torchVersion, threads: getThreads() };
    const text = `${how}\n\n${table(rows)}\n\n${conditions([{ name: "rediff", hello }])}`;
    const ok = median(kinds[1].seconds1) < median(kinds[0].seconds1);
    return { name: "cache:speed", title: "Caches: a long prompt", text, ok };
  } finally {
    rmSync(work, { recursive: true });
  }
}
