/** `rediff scenes ...`: a world of generated pictures whose truth is known. Only `model` needs libtorch. */
import { Command, Option } from "commander";
import { UserError } from "../../../errors.js";
import { type BlankKind, blankKinds } from "../../../scenes/language/fact-blanks.js";
import { type ErrorKind, errorKinds, usualErrors } from "../../../scenes/language/planted-error.js";
import { type Task, tasks } from "../../../scenes/language/scene-questions.js";
import type { SceneOptions } from "../../../scenes/records/generate-scenes.js";
import { makeWorld, styles, type World, type WorldName, worlds } from "../../../scenes/world/world.js";
import { decimal, given, whole } from "../../options/describe-options.js";
import { needTorch } from "../../options/load-engine.js";
import { Interrupted } from "../../terminal/error-text.js";
import { progress } from "../../terminal/progress.js";

const HELP = `
Pictures are composed of emoji artwork; docs/scenes.md describes the world, what is held out, and every figure.

Examples:
  $ rediff scenes generate --count 20000 --seed 1 --output scenes/train
  $ rediff scenes generate --count 500 --seed 2 --style held-out --output scenes/test
  $ rediff caption scenes/test/pictures --output test.jsonl
  $ rediff scenes score --predictions test.jsonl --truth scenes/test/scenes.jsonl
  $ rediff scenes corrupt --truth scenes/train/scenes.jsonl --output scenes/train/errors.jsonl
  $ rediff scenes expert --truth scenes/train/scenes.jsonl --port 8100
`;

export function scenesCommand(): Command {
  const root = new Command("scenes")
    .description("generate pictures with a known truth, score captions, correct drafts")
    .addCommand(generateCommand())
    .addCommand(conversationsCommand())
    .addCommand(corruptCommand())
    .addCommand(scoreCommand())
    .addCommand(expertCommand())
    .addCommand(tokenizerCommand())
    .addCommand(modelCommand())
    .addCommand(towerCommand())
    .addHelpText("after", HELP);
  for (const command of root.commands) {
    command.option("--verbose", "show the stack of an error");
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
  return root;
}

interface GenerateFlags {
  count: number;
  seed: number;
  first: number;
  style: SceneOptions["style"];
  split: SceneOptions["split"];
  size: number;
  world: WorldName;
  output: string;
  names?: number;
  grid?: number;
  maxObjects?: number;
  maxCount?: number;
  colors?: number;
  sizes?: boolean;
  textures?: boolean;
  wording?: World["wording"];
  json?: true;
}

function generateCommand(): Command {
  return new Command("generate")
    .description("make pictures and DIR/scenes.jsonl, which is training data and truth")
    .requiredOption("--count <N>", "scenes", whole(1))
    .option("--seed <S>", "same seed, same scenes", whole(0), 0)
    .requiredOption("--output <DIR>", "folder; a run that was cut off goes on where it stopped")
    .addOption(
      new Option("--style <STYLE>", "artwork: the styles of training, the one held out, all, or one by name")
        .choices(["train", "held-out", "all", ...styles])
        .default("train"),
    )
    .addOption(
      new Option("--split <SPLIT>", "combinations of names and places that training has, those it never has, or any")
        .choices(["train", "held-out", "any"])
        .default("train"),
    )
    .addOption(new Option("--world <PRESET>", "how rich").choices(Object.keys(worlds)).default("demo"))
    .option("--size <PX>", "pixels along a side, a multiple of 8", whole(32), 96)
    .option("--first <N>", "number of the first scene, to share out a set", whole(0), 0)
    .option("--names <N>", "object names instead of the preset's", whole(2))
    .option("--grid <N>", "cells along a side: 2 or 3", whole(2))
    .option("--max-objects <N>", "kinds of objects in a picture", whole(1))
    .option("--max-count <N>", "objects of a kind", whole(1))
    .option("--colors <N>", "colours of backgrounds", whole(1))
    .option("--sizes", "small and large objects")
    .option("--no-sizes", "sizes mean nothing")
    .option("--textures", "backgrounds with gradients, stripes, dots, noise")
    .option("--no-textures", "plain backgrounds")
    .addOption(new Option("--wording <W>", "few ways to say it, or many").choices(["plain", "free"]))
    .option("--json", "print one JSON line at the end")
    .action(generate);
}

async function generate(flags: GenerateFlags): Promise<void> {
  const { generateScenes } = await import("../../../scenes/records/generate-scenes.js");
  const { count, seed, first, style, split, size, output: folder } = flags;
  const { names, maxObjects, maxCount, colors, sizes, textures, wording } = flags;
  const grid = flags.grid as World["grid"] | undefined; // makeWorld judges it
  const world = makeWorld(
    flags.world,
    given({ names, grid, maxObjects, maxCount, colors, sizes, textures, wording }) as Partial<World>,
  );
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => interrupt.abort(new Interrupted(signal));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const started = performance.now();
  let bar = progress({ label: "scenes", total: count, unit: "scenes" });
  let begun = false;
  const onProgress = (done: number) => {
    if (!begun && done > 0) bar = progress({ label: "scenes", total: count, unit: "scenes", initial: done });
    begun = true;
    bar.update(done);
  };
  try {
    const options = { world, seed, split, style, size, count, first, folder };
    const { there } = await generateScenes({ ...options, onProgress, signal: interrupt.signal });
    bar.finish();
    const seconds = Math.round(performance.now() - started) / 1000;
    const made = Math.max(0, count - there);
    if (flags.json) process.stdout.write(`${JSON.stringify({ output: folder, scenes: count, made, seconds })}\n`);
    else process.stdout.write(`${folder}: ${count} scenes, ${made} of them new (${seconds} s)\n`);
  } finally {
    bar.finish();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

interface DeriveFlags {
  truth: string;
  output: string;
  seed: number;
}

const addDeriveOptions = (command: Command): Command =>
  command
    .requiredOption("--truth <FILE>", "scenes.jsonl")
    .requiredOption("--output <FILE>", "JSON lines; pictures are named as in the truth, so put it beside that")
    .option("--seed <S>", "same seed, same text", whole(0), 0);

function conversationsCommand(): Command {
  return addDeriveOptions(new Command("conversations"))
    .description("write further captions, or short questions and answers, about pictures that are there")
    .addOption(new Option("--task <TASK...>", "drawn at random").choices([...tasks]).default(["caption"]))
    .option("--count <N>", "conversations for each picture", whole(1), 1)
    .addOption(new Option("--wording <W>", "instead of the world's").choices(["plain", "free"]))
    .addOption(
      new Option("--blanks <KIND...>", "forms to fill in: learn only words of a kind, drawn at random").choices([
        ...blankKinds,
      ]),
    )
    .addOption(
      new Option("--groups <N...>", "only pictures with so many kinds of objects").argParser(
        (text: string, others: number[] = []) => [...others, whole(1)(text)],
      ),
    )
    .action(
      async (
        flags: DeriveFlags & {
          task: Task[];
          count: number;
          wording?: World["wording"];
          blanks?: BlankKind[];
          groups?: number[];
        },
      ) => {
        const { writeConversations } = await import("../../../scenes/records/derive-records.js");
        const { truth, output, seed, count, wording, blanks, groups } = flags;
        await derive(output, (onProgress) =>
          writeConversations({
            truth,
            output,
            seed,
            count,
            tasks: flags.task,
            onProgress,
            ...(wording && { wording }),
            ...(blanks && { blanks }),
            ...(groups && { groups }),
          }),
        );
      },
    );
}

function corruptCommand(): Command {
  return addDeriveOptions(new Command("corrupt"))
    .description("write captions with one planted error each, and how to mend it")
    .addOption(
      new Option("--kinds <KIND...>", "drawn at random; none leaves a caption right")
        .choices([...errorKinds, "none"])
        .default([...usualErrors]),
    )
    .action(async (flags: DeriveFlags & { kinds: (ErrorKind | "none")[] }) => {
      const { writeCorrupted } = await import("../../../scenes/records/derive-records.js");
      const { truth, output, seed, kinds } = flags;
      await derive(output, (onProgress) => writeCorrupted({ truth, output, seed, kinds, onProgress }));
    });
}

async function derive(output: string, write: (onProgress: (done: number) => void) => Promise<number>): Promise<void> {
  const bar = progress({ label: "scenes", unit: "scenes" });
  try {
    const written = await write(bar.update);
    bar.finish();
    process.stdout.write(`${output}: ${written} records\n`);
  } finally {
    bar.finish();
  }
}

interface ScoreFlags {
  predictions: string;
  truth: string;
  against?: string;
  partial?: true;
  seed: number;
  json?: true;
}

const SCORE_HELP = `
--json prints one line: pictures, missing, coverage, precision, position, count, size, color, background, grammar, exact,
edits, reachable, intervals (95 %, pictures resampled), against, repairs. Figures that nothing can be said about are null.

With the truth of \`scenes corrupt\` and the refined captions as predictions, repairs are scored as well.
`;

function scoreCommand(): Command {
  return new Command("score")
    .description("measure captions against the truth")
    .requiredOption("--predictions <FILE>", "JSON lines as `rediff caption --json` prints them")
    .requiredOption("--truth <FILE>", "scenes.jsonl, or what `scenes corrupt` wrote")
    .option("--against <FILE>", "other predictions of the same pictures: differences, with intervals of their own")
    .option("--partial", "score the pictures that have a prediction")
    .option("--seed <S>", "of the resampling", whole(0), 0)
    .option("--json", "print one JSON line")
    .addHelpText("after", SCORE_HELP)
    .action(score);
}

async function score(flags: ScoreFlags): Promise<void> {
  const { scoreFiles } = await import("../../../scenes/scoring/score-files.js");
  const { scoreJson, scoreText } = await import("../../../scenes/scoring/score-report.js");
  const { predictions, truth, against, seed } = flags;
  const partial = flags.partial === true;
  const report = await scoreFiles({ predictions, truth, partial, seed, ...(against !== undefined && { against }) });
  process.stdout.write(`${flags.json ? JSON.stringify(scoreJson(report)) : scoreText(report)}\n`);
}

interface ExpertFlags {
  truth: string;
  port: number;
  host: string;
  omissionCost?: number;
}

const EXPERT_HELP = `
Answers POST /v1/chat/completions as \`rediff data correct\` asks: the picture as a data URL, and the text
"Question: ...", "Answer: ...", "Prediction: ...". It knows pictures by their bytes. The reply is "right", or a JSON list
of {"org", "target"} that makes the prediction true with as few words changed as possible; where no true caption has as
many words, a sentence that says so, which counts as no usable reply.
`;

function expertCommand(): Command {
  return new Command("expert")
    .description("serve an expert that knows the truth, with OpenAI's chat API")
    .requiredOption("--truth <FILE>", "scenes.jsonl")
    .option("--port <P>", "0 takes a free one", whole(0), 8100)
    .option("--host <H>", "address to listen on", "127.0.0.1")
    .option("--omission-cost <N>", "may leave facts out, each at the price of N changed words", decimal)
    .addHelpText("after", EXPERT_HELP)
    .action(expert);
}

async function expert(flags: ExpertFlags): Promise<void> {
  const { readTruth } = await import("../../../scenes/expert/oracle-reply.js");
  const { startExpert } = await import("../../../scenes/expert/oracle-server.js");
  const { port, host, omissionCost } = flags;
  const truth = await readTruth(flags.truth);
  const server = await startExpert({ truth, port, host, ...(omissionCost !== undefined && { omissionCost }) });
  process.stdout.write(`${server.url} (${truth.size} scenes)\n`);
  await new Promise<void>((resolve) => process.once("SIGINT", () => resolve()).once("SIGTERM", () => resolve()));
  await server.close();
  process.stderr.write(`${server.requests} requests\n`);
}

function tokenizerCommand(): Command {
  return new Command("tokenizer")
    .description("write the world's tokenizer: one token for each word")
    .requiredOption("--output <DIR>", "model folder")
    .action(async ({ output }: { output: string }) => {
      const { writeSceneTokenizer } = await import("../../../scenes/small-model/tokenizer-folder.js");
      const { words, length } = writeSceneTokenizer(output);
      process.stdout.write(`${output}: ${length} tokens, ${words} of them words\n`);
    });
}

interface ModelFlags {
  output: string;
  width?: number;
  layers?: number;
  size?: number;
  patch?: number;
  seed?: number;
}

interface TowerFlags {
  model: string;
  output: string;
  world: WorldName;
  updates: number;
  batch: number;
  learningRate: number;
  seed: number;
  threads?: number;
}

function towerCommand(): Command {
  return new Command("tower")
    .description("train the vision tower of an untrained model: what is on each patch, and where the patch is")
    .requiredOption("--model <DIR>", "model folder with an untrained tower")
    .requiredOption("--output <DIR>", "model folder to be made")
    .addOption(
      new Option("--world <PRESET>", "of the scenes, which are drawn anew for every update")
        .choices(Object.keys(worlds))
        .default("demo"),
    )
    .option("--updates <N>", "of the weights", whole(1), 1500)
    .option("--batch <N>", "pictures of an update", whole(1), 32)
    .option("--learning-rate <R>", "at its height", decimal, 2e-3)
    .option("--seed <S>", "same seed, same scenes", whole(0), 0)
    .option("--threads <N>", "CPU threads of one operator", whole(1))
    .action(async ({ model, output, world, threads, ...flags }: TowerFlags) => {
      const { existsSync } = await import("node:fs");
      if (existsSync(`${output}/config.json`))
        throw new UserError(`${output} holds a model already`, "Name another folder.");
      await needTorch();
      const [{ trainTowerOf }, { setThreads }] = await Promise.all([
        import("../../../scenes/small-model/tower-model.js"),
        import("@rediff/torch"),
      ]);
      if (threads !== undefined) setThreads(threads);
      const started = performance.now();
      await trainTowerOf(model, output, {
        ...flags,
        world: makeWorld(world),
        onUpdate: ({ update, loss, accuracy }) => {
          if (update % 50 !== 0 && update !== flags.updates) return;
          const speed = (update * flags.batch) / ((performance.now() - started) / 1000);
          const right = `${(100 * accuracy).toFixed(1)} % of the patches with an object named rightly`;
          process.stderr.write(
            `update ${update} of ${flags.updates}  loss ${loss.toFixed(4)}  ${right}  ${speed.toFixed(0)} pictures/s\n`,
          );
        },
      });
      process.stdout.write(`${output}: a model with a trained tower\n`);
    });
}

function modelCommand(): Command {
  return new Command("model")
    .description("write an untrained model for the world, of a size that a laptop trains")
    .requiredOption("--output <DIR>", "model folder")
    .option("--width <N>", "of tower and language model, a multiple of 32 (default: 128)", whole(32))
    .option("--layers <N>", "of the language model, and of the tower (default: 4)", whole(1))
    .option("--size <PX>", "pixels along a side of a picture (default: 96)", whole(8))
    .option("--patch <PX>", "of a patch (default: 12)", whole(1))
    .option("--seed <S>", "same seed, same weights (default: 0)", whole(0))
    .action(async ({ output, ...flags }: ModelFlags) => {
      const { existsSync } = await import("node:fs");
      if (existsSync(`${output}/config.json`))
        throw new UserError(`${output} holds a model already`, "Name another folder.");
      await needTorch();
      const { writeStartModel } = await import("../../../scenes/small-model/start-model.js");
      await writeStartModel(output, given(flags));
      process.stdout.write(`${output}: an untrained model; train it with rediff train model=${output} ...\n`);
    });
}
