/** `rediff data select`: drafts that an expert has corrected to training records of ReDiff's stage II. */

import { Command } from "commander";
import { begin } from "../../exit-status.js";
import { assertReplaceable } from "../../options/writable.js";
import { answerLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";
import { dropLines } from "../../terminal/reason-counts.js";

interface Flags {
  model: string;
  output: string;
  compat?: true;
  shorter?: true;
  report?: string;
  json?: true;
}

const HELP = `
FILEs have drafts {img, ques, ans, pred, revise}, with the expert's reply as text in revise: "right", or a JSON list of
{org, target}. A pair is kept when both texts have the same number of tokens, at a text's start and behind a space, and
when the draft holds org; repeated and overlapping pairs are dropped. Records are {id, image, conversations, revise,
provenance}; provenance names the draft, its reference answer, and whatever else the draft tells about itself.

--compat follows the original's process.py instead, oddities included, without provenance.

Examples:
  $ rediff data select corrected.jsonl --model ReDiff-Base --output o4_revise_train.json
  $ rediff data select o4_revise_rediff_s128_vicrit.json --model ReDiff-Base --output compat.json --compat
`;

export function dataSelectCommand(): Command {
  return new Command("select")
    .description("corrected drafts to training records, with reasons for what is dropped")
    .argument("<FILE...>", "JSON, JSONL or parquet")
    .requiredOption("--model <DIR|HUB_ID>", "the model that will be trained; only its tokenizer is read")
    .requiredOption("--output <FILE>", "JSON, JSONL or parquet")
    .option("--compat", "the original's rules")
    .option("--shorter", "a draft's last phrase may have a shorter replacement, for training with revise_shorter")
    .option("--report <FILE>", "write the counts as JSON")
    .option("--json", "print the counts as one JSON line")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(files: string[], flags: Flags): Promise<void> {
  const [{ openInput }, { selectFile }, { meanings, selectionRules }, { writeText }] = await Promise.all([
    import("../../options/data-input.js"),
    import("../../../pipeline/correction/select-file.js"),
    import("../../../pipeline/correction/selection-rules.js"),
    import("../../../files/atomic-file.js"),
  ]);
  if (flags.report !== undefined) assertReplaceable(flags.report);
  const { source, tokenizer } = await openInput(files, flags);
  begin();
  const isOriginal = flags.compat === true;
  const line = progress({ label: flags.output, unit: "drafts", total: source.count });
  const counts = await selectFile(source, flags.output, tokenizer, {
    rules: selectionRules(isOriginal, flags.shorter),
    onProgress: (done) => line.update(done),
  }).finally(() => line.finish());
  const report = { output: flags.output, compat: isOriginal, ...counts };
  if (flags.report !== undefined) await writeText(flags.report, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.json) return void answerLine(JSON.stringify(report));
  const { pairs } = counts;
  answerLine(
    [
      `${flags.output}: ${counts.kept} of ${counts.drafts} drafts, ${pairs.kept} of ${pairs.total} pairs`,
      ...(pairs.ambiguous > 0 ? [`  ${pairs.ambiguous} phrases occur more than once; training takes the first`] : []),
      ...dropLines("drafts dropped", counts.dropped, meanings),
      ...dropLines("pairs dropped", pairs.dropped, meanings),
    ].join("\n"),
  );
}
