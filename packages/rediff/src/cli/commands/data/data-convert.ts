/** `rediff data convert IN OUT`: JSON, JSONL and parquet, each into each. */

import { Command } from "commander";
import { begin } from "../../exit-status.js";
import { assertThere } from "../../options/assert-there.js";
import { answerLine, noteLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";
import { counted } from "../../terminal/reason-counts.js";

interface Flags {
  images?: string;
  json?: true;
}

const HELP = `
Formats go by the names: .json (a list of records), .jsonl, .parquet. Values are kept exactly; in parquet, texts, numbers,
lists of texts and lists of objects with texts (conversations, revise) have column types that other tools read, anything
else is JSON text.

With --images DIR, pictures inside a parquet file (Hugging Face's image: {bytes, path}) become files in DIR, and records
name them; the other way round, the pictures that image names in DIR go into the parquet file.

Examples:
  $ rediff data convert mixed_conversation.jsonl mixed_conversation.json
  $ rediff data convert train-00000-of-00250.parquet records.jsonl --images images
  $ rediff data convert records.jsonl records.parquet --images images
`;

export function dataConvertCommand(): Command {
  return new Command("convert")
    .description("convert records between JSON, JSONL and parquet")
    .argument("<IN>", "file to read")
    .argument("<OUT>", "file to write")
    .option("--images <DIR>", "where pictures inside a parquet file go, or come from")
    .option("--json", "print one JSON line about the result")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(input: string, output: string, flags: Flags): Promise<void> {
  const { checkDistinct, convertRecords } = await import("../../../pipeline/prepare/convert-records.js");
  await assertThere(input);
  await checkDistinct(input, output);
  begin();
  let line: ReturnType<typeof progress> | undefined;
  const converted = await convertRecords(input, output, {
    images: flags.images,
    onProgress: (done, total) => {
      line ??= progress({ label: output, unit: "records", total });
      line.update(done);
    },
  }).finally(() => line?.finish());
  const { records, pictures, unread = [] } = converted;
  for (const what of unread.slice(0, 5))
    noteLine(`rediff: training does not read these pictures: ${what}. Name the column image`);
  const written = pictures > 0 ? `, ${counted(pictures, "picture")} written to ${flags.images}` : "";
  answerLine(flags.json ? JSON.stringify(converted) : `${output}: ${counted(records, "record")}${written}`);
}
