/** `rediff data mix`: normal and reasoning data to the one file of LLaDA-V's last stage. */

import { Command, Option } from "commander";
import { UserError } from "../../../errors.js";
import { begin } from "../../exit-status.js";
import { assertThere } from "../../options/assert-there.js";
import { whole } from "../../options/parse-values.js";
import { answerLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";

interface Flags {
  normal_data: string;
  inference_data: string;
  output?: string;
  output_path?: string;
  seed: number;
  json?: true;
}

const HELP = `
Every question of the normal data gets " /no_think" at its end; one of the reasoning data gets " /think" with
probability 0.5. Records of both kinds alternate in the simple ratio (5:1 ... 1:5) that is closest to that of their
numbers, until both are used up. The same seed gives the same file.

Example:
  $ rediff data mix --normal_data data/mammoth-vl/mammoth_ov_2M.json \\
      --inference_data data/visualwebinstruct/mixed_conversation.json --output data/mix_ov_2M_vw_reasoning.json
`;

export function dataMixCommand(): Command {
  return new Command("mix")
    .description("mix normal and reasoning data, with /no_think and /think")
    .requiredOption("--normal_data <FILE>", "JSON, JSONL or parquet")
    .requiredOption("--inference_data <FILE>", "reasoning data: JSON, JSONL or parquet")
    .option("--output <FILE>", "the mixed data: JSON, JSONL or parquet")
    .addOption(new Option("--output_path <FILE>", "as --output; the original's name for it").hideHelp())
    .option("--seed <N>", "of the draws", whole(0), 42)
    .option("--json", "print one JSON line about the result")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const output = flags.output ?? flags.output_path;
  if (output === undefined) throw new UserError("there is no --output", "Name the file to write.");
  const [{ checkOutputName }, { checkDistinct }, { openRecords }, { mixRecords }] = await Promise.all([
    import("../../../pipeline/formats/record-writer.js"),
    import("../../../pipeline/prepare/convert-records.js"),
    import("../../../pipeline/formats/record-source.js"),
    import("../../../pipeline/prepare/mix.js"),
  ]);
  checkOutputName(output);
  const inputs = [flags.normal_data, flags.inference_data] as const;
  for (const input of inputs) await checkDistinct(input, output);
  await assertThere(...inputs);
  begin();
  const [normal, inference] = await Promise.all([openRecords(inputs[0]), openRecords(inputs[1])]);
  const line = progress({ label: output, unit: "records", total: normal.count + inference.count });
  const mixed = await mixRecords(normal, inference, output, {
    seed: flags.seed,
    onProgress: (done) => line.update(done),
  }).finally(() => line.finish());
  const { records, ratio, thinking } = mixed;
  answerLine(
    flags.json
      ? `${JSON.stringify({ ...mixed, seed: flags.seed })}`
      : `${output}: ${records} records, ${mixed.normal} normal and ${mixed.inference} of reasoning, ` +
          `${ratio.normal}:${ratio.inference} in turn; /think after ${thinking.turns} of ${thinking.of} questions ` +
          `(seed ${flags.seed})`,
  );
}
