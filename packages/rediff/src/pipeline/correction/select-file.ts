/** A file of drafts with replies to a file of training records. */
import type { Tokenizer } from "../../text/tokenizer.js";
import type { RecordSource } from "../formats/record-stream.js";
import { writeRecords } from "../formats/record-writer.js";
import { Selection, type SelectionReport } from "./select-records.js";
import { ourSelection, type SelectionRules } from "./selection-rules.js";

export async function selectFile(
  source: RecordSource,
  output: string,
  tokenizer: Tokenizer,
  options: { rules?: SelectionRules; onProgress?: (done: number, total: number) => void } = {},
): Promise<SelectionReport> {
  const selection = new Selection(tokenizer, options.rules ?? ourSelection);
  await writeRecords(output, async (writer) => {
    for await (const draft of source.records()) {
      const record = await selection.take(draft);
      if (record !== undefined) await writer.write({ ...record });
      options.onProgress?.(selection.report.drafts, source.count);
    }
  });
  return selection.report;
}
