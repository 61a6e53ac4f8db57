/** `rediff caption IMAGE...`: descriptions of pictures and videos. */
import { resolve } from "node:path";
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { checkOptions, type DescribeOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { parseShard, type Shard } from "../../pipeline/drafts/draft-plan.js";
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import { type Place, placeOf } from "../../ranks/place.js";
import { statusOfInputs } from "../exit-status.js";
import {
  type AnswerFlags,
  addAnswerOptions,
  addModelOptions,
  addPromptOptions,
  answerOptions,
  chosenModel,
  type ModelFlags,
  type PromptFlags,
  promptOptions,
} from "../options/describe-options.js";
import { knownModel, openModel } from "../options/load-engine.js";
import { given, whole } from "../options/parse-values.js";
import { expandInputs } from "../options/picture-inputs.js";
import { captionAll, nameOf, noteFirst, textLine } from "../output/caption-many.js";
import { ResultsFile } from "../output/results-file.js";
import { TraceFile } from "../output/trace-file.js";
import { errorText } from "../terminal/error-text.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { layersText } from "../terminal/layers-text.js";
import { answerLine, noteLine } from "../terminal/lines.js";
import { LiveText } from "../terminal/live-text.js";
import { markerNote } from "../terminal/unread-note.js";

interface Flags extends ModelFlags, PromptFlags, AnswerFlags {
  suffix?: string;
  draft?: string;
  batch: number;
  together?: true;
  json?: true;
  trace?: string;
  output?: string;
  shard?: string;
}

const HELP = `
IMAGE is a picture (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, HEIC), a video, a folder of pictures, a quoted pattern, or -
for a list of paths on stdin. Files of a folder or pattern that are no pictures are left out, and named on stderr.

--threshold P fills in one step all masks of the block that the model is at least P sure of, and at least one (Fast-dLLM,
arXiv 2505.22618): few steps where the text is plain, many where it is not. Approximate, as are several tokens per step. --rule
has others: factor and entropy decide by how many there are, joint also replaces what is written (docs/decoding.md).

With --output FILE each result is appended to FILE as a JSON line as soon as it is there, with "model", "checkpoint",
"prompt" and "options" (of decoding, and dtype) besides (in --json too); a run that was cut off goes on where it stopped, with the same of them, and so does its --trace. Without it, in a terminal the text is shown while it forms: masks as ${"\u2591"}, revised words in colour.

Several processes caption together under rediff launch (and torchrun, srun ...) with --output: each takes the next few
pictures when it is free, and when all are done their results are in FILE, in the order of the pictures. --shard I/N is for
processes that know nothing of each other: every N-th picture from the I-th on, each process with a FILE of its own.

--json prints, per picture: {"image","text","token_ids","steps","seconds","tokens_per_second",
"edits":[{"step","position","from","to"}]}. --trace writes a JSON line after every step: {"image","type":"step","step",
"block","tokens","confidence","filled","revised":[{"position","from","to"}],"changes":[{"position","token","id",
"confidence","kind"}],"seconds"}, tokens being the ids of the whole answer, masks included; the first line of an answer also
has "request", with every option as it was used.

Examples:
  $ rediff caption photo.jpg --model ReDiff-8B
  $ rediff caption photo.jpg --model ReDiff-8B --revise --tokens-per-step 4
  $ rediff caption photo.jpg --model LLaDA-V --threshold 0.9
  $ rediff caption pictures/ --model ReDiff-8B --batch 4 --output captions.jsonl
  $ rediff launch --nproc 4 -- caption pictures/ --model ReDiff-8B --output captions.jsonl
  $ rediff caption pictures/ --model ReDiff-8B --shard 0/8 --output captions-0.jsonl
  $ rediff caption a.jpg b.jpg --together --prompt "What differs?" --model LLaDA-V
`;

export function captionCommand(): Command {
  const command = new Command("caption")
    .description("describe pictures and videos")
    .argument("<IMAGE...>", "pictures, videos, folders, patterns, or -");
  addModelOptions(command);
  addPromptOptions(command);
  addAnswerOptions(command)
    .option("--suffix <T>", "fixed text after the answer")
    .option("--draft <T>", "text to begin with instead of masks")
    .option("--batch <N>", "pictures decoded together", whole(1), 1)
    .option("--together", "all pictures in one prompt, one answer")
    .option("--json", "JSON lines on stdout and nothing else")
    .option("--trace <FILE>", "write every step as a JSON line")
    .option("--output <FILE>", "append results to FILE (JSON lines) and skip pictures that are in it")
    .option("--shard <I/N>", "every N-th picture from the I-th on, counted from 0");
  return command.addHelpText("after", HELP).action(run);
}

async function run(args: string[], _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  chosenModel(flags);
  const options = describeOptions(flags);
  checkOptions(options);
  if (flags.output !== undefined && flags.trace !== undefined && resolve(flags.output) === resolve(flags.trace))
    throw new UserError(`--output and --trace are both ${flags.trace}`, "Name two files.");
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard);
  if (shard !== undefined && flags.together)
    throw new UserError("--together makes one answer of all pictures: there is nothing to share", "Leave --shard out.");
  const paths = ofShard(await expandInputs(args), shard);
  const place = shard === undefined ? placeOf() : undefined;
  if (place !== undefined) {
    assertShareable(place, flags);
    const { captionTogether } = await import("../together/caption-together.js");
    return await captionTogether(place, paths, { flags, options, origin: () => resultOrigin(flags, options) });
  }
  const origin = flags.output === undefined ? undefined : await resultOrigin(flags, options);
  const results = flags.output !== undefined && origin ? await ResultsFile.open(flags.output, origin) : undefined;
  const trace = flags.trace === undefined ? undefined : await traceFile(flags.trace, results);
  const groups = flags.together ? [paths] : paths.map((path) => [path]);
  const todo = groups.filter((group) => !results?.done.has(nameOf(group)));
  if (todo.length < groups.length)
    noteLine(`${groups.length - todo.length} of ${groups.length} are in ${flags.output} already`);
  if (todo.length === 0) return;

  const note = flags.compat ? undefined : markerNote(options.prompt, flags.together ? paths.length : 1);
  if (note !== undefined) noteLine(note);

  using model = await openModel(flags, { pictures: true });
  using interrupt = listenForInterrupts();
  try {
    const all = { ...options, signal: interrupt.signal };
    const isLive = process.stdout.isTTY && !flags.json && flags.batch === 1 && results === undefined;
    const failures = isLive
      ? await captionLive(model, todo, all, flags, trace)
      : await captionAll(model, todo, {
          ...{ options: { ...all, batch: flags.batch }, flags, trace },
          ...(results && { results: { file: results, origin } }),
        });
    if (failures === 0) return;
    process.exitCode = statusOfInputs(failures, groups.length);
    if (todo.length > 1) noteLine(`rediff: ${failures} of ${todo.length} failed`);
  } finally {
    await results?.close();
    trace?.close();
  }
}

function assertShareable({ size }: Place, { output, trace, together, json }: Flags): void {
  if (output !== undefined && trace === undefined && !together && !json) return;
  throw new UserError(
    `${size} processes caption together into one file`,
    "Give --output, and no --trace, --json or --together.",
  );
}

const ofShard = <T>(all: readonly T[], shard: Shard | undefined): readonly T[] =>
  shard === undefined ? all : all.filter((_, place) => place % shard.of === shard.index);

/** With the results of an earlier run goes its trace. */
async function traceFile(path: string, results: ResultsFile | undefined): Promise<TraceFile> {
  if (results === undefined || results.done.size === 0) return TraceFile.plan(path);
  const { trace, traced } = await TraceFile.resume(path, results.done);
  const without = results.done.size - traced;
  if (without > 0) noteLine(`${without} of ${results.done.size} results have no steps in ${path}`);
  return trace;
}

function describeOptions(flags: Flags): Omit<DescribeOptions, "onTrace"> {
  const { suffix, draft } = flags;
  return { ...promptOptions(flags), ...answerOptions(flags), ...given({ suffix, draft }) };
}

/** What results will say of themselves: of the model nothing but small files is read yet. */
async function resultOrigin(flags: Flags, options: DescribeOptions): Promise<ResultOrigin> {
  const { originOf } = await import("../../pipeline/drafts/result-origin.js");
  const { askable, computing } = await knownModel(flags);
  return originOf(flags.model, askable, options, { base: flags.base, computing });
}

/** One picture after the other, each text shown while it forms. @returns how many failed */
async function captionLive(
  model: VisionLanguageModel,
  groups: readonly (readonly string[])[],
  options: DescribeOptions,
  flags: Flags,
  trace: TraceFile | undefined,
): Promise<number> {
  const live = new LiveText(process.stdout, model.model.tokenizer);
  let failures = 0;
  for (const group of groups) {
    const name = nameOf(group);
    const watching = model.watch(group, {
      ...options,
      onLayers(progress) {
        const text = layersText(progress);
        if (text !== undefined) live.drawBelow(text);
      },
      ...(trace && { onTrace: (step) => trace.write(name, step) }),
    });
    try {
      let turn = await watching.next();
      while (!turn.done) {
        live.draw(turn.value);
        turn = await watching.next();
      }
      live.clear();
      answerLine(textLine(name, turn.value.text, groups.length));
      if (group === groups[0]) noteFirst(turn.value);
    } catch (error) {
      live.clear();
      if (options.signal?.aborted) throw error;
      failures++;
      noteLine(`rediff: ${errorText(error, flags.verbose)}`);
    }
  }
  return failures;
}
