/** `rediff data draft DATA`: what a model says about the pictures of a data set, for an expert to correct. */
import { Command } from "commander";
import { UserError } from "../../../errors.js";
import type { DraftOptions, DraftReport } from "../../../pipeline/drafts/draft-all.js";
import type { DraftDataOptions } from "../../../pipeline/drafts/draft-data.js";
import { parseShard } from "../../../pipeline/drafts/draft-plan.js";
import { checkDraftOptions } from "../../../pipeline/drafts/draft-settings.js";
import { failures, type LeftOutReason, leftOutReasons } from "../../../pipeline/drafts/left-out.js";
import { type Place, placeOf } from "../../../ranks/place.js";
import { DEFAULT_QUESTION } from "../../../text/default-question.js";
import { describeLeftOut, type LeftOutFile } from "../../../vision/picture/folder-pictures.js";
import { PartlyFailed } from "../../exit-status.js";
import { cacheOptions } from "../../options/cache-flags.js";
import {
  addModelOptions,
  addPromptOptions,
  addRuleOptions,
  type ModelFlags,
  needModel,
  type PromptFlags,
  type RuleFlags,
  ruleOptions,
} from "../../options/describe-options.js";
import { needTorch, openModel, roundingOf, suitableModel } from "../../options/load-engine.js";
import { decimal, given, whole } from "../../options/parse-values.js";
import { assertWritable } from "../../options/writable.js";
import { listenForInterrupts } from "../../terminal/interrupts.js";
import { layersText } from "../../terminal/layers-text.js";
import { answerLine, noteLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";
import { flagsOfRank, joinWork } from "../../together/join-work.js";

interface Flags extends ModelFlags, PromptFlags, RuleFlags {
  output: string;
  imageFolder?: string;
  imageFolder2?: string;
  unpackTo?: string;
  steps?: number[];
  tokensPerStep?: number[];
  genLength?: number;
  blockLength?: number;
  first?: number;
  count?: number;
  shard?: string;
  batch: number;
  json?: true;
}

const HELP = `
DATA is training data (.json, .jsonl, .tar, prefix{a,b}.json, a .yaml mixture) or a folder of pictures. Of a record, the
first question is asked, and the first answer is the reference. FILE gets a JSON line for each draft, as soon as it is
there: {"id", "img", "ques", "ans", "pred", "drafted": {"record", "model", "checkpoint", "steps", ...}}. A run that was
cut off goes on where it stopped. FILE.left-out.jsonl names the records that got no draft, and why (the exit status is 3 when
some could not be read); --json has its name, and the files of a folder that
are no pictures.

Several values of --steps share the records out, in slices of equal length.

Several processes draft together under rediff launch (and torchrun, srun ...): each takes the next few records when it is
free, and when all are done their drafts are in FILE, in the order in which one process makes them. --shard I/N is for processes that know
nothing of each other: each drafts every N-th record from the I-th on into a FILE of its own; put together with cat, the files
are the whole.

Examples:
  $ rediff data draft vicrit_train_others.json --image-folder ViCrit-Train/images --model ReDiff-Base --revise \\
      --first 30000 --count 15000 --steps 128,32,16 --output drafts.jsonl
  $ rediff data draft mine.jsonl --model ReDiff-Base --revise --steps 32 --shard 0/8 --device cuda:0 --output drafts-0.jsonl
  $ rediff launch --nproc 4 -- data draft mine.jsonl --model ReDiff-Base --revise --steps 32 --output drafts.jsonl
  $ rediff data draft photos/ --prompt "Describe the photo." --model ReDiff-Base --tokens-per-step 4 --output drafts.jsonl
`;

export function dataDraftCommand(): Command {
  const command = new Command("draft")
    .description("what a model says about the pictures of a data set, for an expert to correct")
    .argument("<DATA>", "training data, or a folder of pictures");
  addModelOptions(command, "there is no default");
  addPromptOptions(command)
    .requiredOption("--output <FILE>", "JSON lines; appended to, and what is in it is not done again")
    .option("--image-folder <DIR>", "where the pictures of the data are")
    .option("--image-folder-2 <DIR>", "looked into for what is not in the first")
    .option("--unpack-to <DIR>", "where pictures go that are inside of shards (.tar)")
    .option("--steps <N,...>", "forward passes (default one per token); several share the data out", list(whole(1)))
    .option("--tokens-per-step <N,...>", "instead of --steps", list(decimal))
    .option(
      "--gen-length <N>",
      "tokens of a draft (default the model's, else 48 for the scene world, else 128)",
      whole(1),
    )
    .option("--block-length <N>", "tokens of a block; blocks are written left to right (default all)", whole(1));
  addRuleOptions(command)
    .option("--first <N>", "the first record to draft, from 0", whole(0))
    .option("--count <N>", "records to draft (default all)", whole(1))
    .option("--shard <I/N>", "only every N-th of them, from the I-th on, I from 0")
    .option("--batch <N>", "pictures decoded together", whole(1), 1)
    .option("--json", "print the counts as one JSON line");
  for (const option of command.options) if (UNUSED.has(option.attributeName())) option.hideHelp();
  return command.addHelpText("after", HELP).action(run);
}

/** What captions have and drafts do not: special tokens are never kept, and an expert sees no videos. */
const UNUSED = new Set(["compat", "videoFrames"]);

const list =
  (parse: (text: string) => number) =>
  (text: string): number[] =>
    text.split(",").map((part) => parse(part.trim()));

async function run(data: string, _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  const name = needModel(flags);
  const options = draftOptions(flags);
  const { imageFolder, imageFolder2, unpackTo, seed, steps, tokensPerStep, first, count, batch, output } = flags;
  checkDraftOptions({ steps, tokensPerStep }, options); // mistakes are told before anything is read
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard);
  const prompt = await promptFor(data, flags, command.getOptionValueSource("prompt") !== "default");
  await assertWritable(output);
  const folder = await suitableModel(flags, true);
  await needTorch();
  const place = shard === undefined ? placeOf() : undefined;

  using interrupt = listenForInterrupts();
  const reading = progress({ label: "reading", unit: "B" });
  let bar: ReturnType<typeof progress> | undefined;
  let named = 0;
  const notPictures: LeftOutFile[] = [];
  try {
    const report = await draftAs(place, {
      ...{ imageFolder, imageFolder2, unpackTo, seed, steps, tokensPerStep, first, count, batch, output },
      data,
      prompt,
      shard,
      model: { name, folder, base: flags.base, quantize: await roundingOf(flags, folder) },
      withModel: async (use) => {
        using model = await openModel(place === undefined ? flags : flagsOfRank(flags, place), { pictures: true });
        return await use(model);
      },
      options,
      onIndex: (done) => reading.update(done),
      onDraft: (done, total) => {
        reading.finish();
        bar ??= progress({ label: "drafts", unit: "pictures", total, initial: done });
        bar.update(done);
      },
      onLayers(progress) {
        const text = layersText(progress);
        if (text !== undefined) bar?.detail(text);
      },
      onNoPictures: (leftOut) => {
        notPictures.push(...leftOut);
        reading.note(`${data}: ${describeLeftOut(leftOut)}`);
      },
      onLeftOut: ({ message }) => {
        if (++named > NAMED + 1) return;
        const line = named > NAMED ? `others are left out too: ${output}.left-out.jsonl` : `left out: ${message}`;
        (bar ?? reading).note(line);
      },
      signal: interrupt.signal,
    });
    bar?.finish();
    if (report !== undefined) tell(report, notPictures, flags);
  } finally {
    reading.finish();
    bar?.finish();
  }
}

/** @returns undefined for a process that is not the first of several */
async function draftAs(place: Place | undefined, options: DraftDataOptions): Promise<DraftReport | undefined> {
  if (place === undefined) return (await import("../../../pipeline/drafts/draft-data.js")).draftData(options);
  const { draftTogether } = await import("../../../pipeline/drafts/draft-together.js");
  return await joinWork(place, (work) => draftTogether(options, work, (line) => noteLine(`rediff: ${line}`)));
}

/** Records left out that are named on stderr. */
const NAMED = 5;

function draftOptions(flags: Flags): DraftOptions {
  if (flags.compat) throw new UserError("drafts have no --compat", "Special tokens are never part of a draft.");
  const { genLength, blockLength } = flags;
  const { temperature, cfgScale, seed, system, conversation, imageJoin, autoOrient, asStored, maxPixels } = flags;
  return given({
    ...{ genLength, blockLength, ...ruleOptions(flags), ...cacheOptions(flags) },
    ...{ temperature, cfgScale, seed, system, conversation, imageJoin, autoOrient, asStored, maxPixels },
  });
}

/** A folder of pictures is asked the usual question unless another is given; data sets bring their own. */
async function promptFor(data: string, { prompt }: Flags, isGiven: boolean): Promise<string | undefined> {
  const { stat } = await import("node:fs/promises");
  const isFolder = (await stat(data).catch(() => undefined))?.isDirectory() === true;
  return isGiven ? prompt : isFolder ? DEFAULT_QUESTION : undefined;
}

/** @param notPictures files of a folder that are none: they are no records */
function tell(report: DraftReport, notPictures: readonly LeftOutFile[], { output, json }: Flags): void {
  const { records, drafts, made, left_out, seconds, tokens } = report;
  const rounded = Math.round(seconds * 1000) / 1000;
  if (json) {
    const counts = { records, drafts, made, left_out, seconds: rounded, tokens };
    const named = Object.keys(left_out).length > 0 ? { left_out_file: `${output}.left-out.jsonl` } : {};
    const others = notPictures.length > 0 ? { not_pictures: notPictures } : {};
    answerLine(`${JSON.stringify({ output, ...counts, ...named, ...others })}`);
  } else {
    const speed = made > 0 ? ` (${made} of them new, ${Math.round(tokens / Math.max(seconds, 1e-3))} tokens/s)` : "";
    answerLine(`${output}: ${drafts} drafts of ${records} records${speed}`);
    for (const [reason, count] of Object.entries(left_out) as [LeftOutReason, number][])
      answerLine(`  left out: ${count} (${leftOutReasons[reason]})`);
  }
  if (records === 0) return; // a shard may have none
  if (drafts === 0)
    throw new UserError(`no record of ${records} has a draft`, `${output}.left-out.jsonl says why, for each of them.`);
  const failed = failures.filter((reason) => (left_out[reason] ?? 0) > 0);
  if (failed.length === 0) return;
  const count = failed.reduce((sum, reason) => sum + (left_out[reason] ?? 0), 0);
  const reasons = failed.map((reason) => `${left_out[reason]}: ${leftOutReasons[reason]}`).join("; ");
  throw new PartlyFailed(
    `${count} of ${records} records failed (${reasons}), see ${output}.left-out.jsonl`,
    "Run the same command again to try them again.",
  );
}
