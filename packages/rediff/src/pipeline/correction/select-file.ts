/** A file of drafts with replies to a file of training records. */
import type { Tokenizer } from "../../text/tokenizer.js";
import type { RecordSource } from "../formats/record-stream.js";
import { writeRecords } from "../formats/record-writer.js";
import { Selection, type SelectionReport, type SelectOptions } from "./select-records.js";

export async function selectFile(
  source: RecordSource,
  output: string,
  tokenizer: Tokenizer,
  options: SelectOptions & { onProgress?: (done: number, total: number) => void } = {},
): Promise<SelectionReport> {
  const selection = new Selection(tokenizer, options);
  await writeRecords(output, async (writer) => {
    for await (const draft of source.records()) {
      const record = await selection.take(draft);
      if (record !== undefined) await writer.write({ ...record });
      options.onProgress?.(selection.report.drafts, source.count);
    }
  });
  return selection.report;
}
