/** `rediff data vicrit`: ViCrit's captions with one error to training records of ReDiff's stage I. */

import { Command } from "commander";
import { begin } from "../../exit-status.js";
import { answerLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";
import { dropLines } from "../../terminal/reason-counts.js";

interface Flags {
  model: string;
  output: string;
  strict?: true;
  images?: string;
  json?: true;
}

const HELP = `
Items have image_path (or image), problem, original_caption, changed_caption, solution_original and solution_target, as
in zyang39/ViCrit-Train on the Hugging Face hub. Kept is what has the same number of tokens in both captions and in both
phrases, as in the original. Its rule lets phrases pass that training cannot find in the caption; they are told, and left
out with --strict.

Examples:
  $ rediff data vicrit vicrit_train.json --model GSAI-ML/LLaDA-V --output data/vicrit/vicrit_train_equaltokens.json
  $ rediff data vicrit ViCrit-Train/data/train-*.parquet --model LLaDA-V --output vicrit.jsonl --strict
`;

export function dataVicritCommand(): Command {
  return new Command("vicrit")
    .description("ViCrit to records with a phrase to revise, where token counts allow it")
    .argument("<FILE...>", "JSON, JSONL or parquet")
    .requiredOption("--model <DIR|HUB_ID>", "the model that will be trained; only its tokenizer is read")
    .requiredOption("--output <FILE>", "JSON, JSONL or parquet")
    .option("--strict", "leave out items whose phrase training would not find")
    .option("--images <DIR>", "where pictures inside a parquet file go")
    .option("--json", "print the counts as one JSON line")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(files: string[], flags: Flags): Promise<void> {
  const [{ openInput }, { prepareVicrit, vicritDrops }, { droppedPairs }] = await Promise.all([
    import("../../options/data-input.js"),
    import("../../../pipeline/prepare/vicrit.js"),
    import("../../../pipeline/correction/phrase-pairs.js"),
  ]);
  const { source, tokenizer } = await openInput(files, flags);
  begin();
  const line = progress({ label: flags.output, unit: "items", total: source.count });
  const report = await prepareVicrit(source, flags.output, tokenizer, {
    strict: flags.strict,
    onProgress: (done) => line.update(done),
  }).finally(() => line.finish());
  if (flags.json) return void answerLine(`${JSON.stringify({ output: flags.output, ...report })}`);
  const unusable = flags.strict ? "left out, training cannot use it" : "kept, but training cannot use it";
  answerLine(
    [
      `${flags.output}: ${report.kept} of ${report.items} items`,
      ...dropLines("dropped", report.dropped, vicritDrops),
      ...dropLines(unusable, report.unusable, droppedPairs),
    ].join("\n"),
  );
}
