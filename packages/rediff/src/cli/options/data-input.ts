/** What commands that count tokens need: records, a place for the result, a tokenizer. */

import { locateModel } from "../../checkpoint/adapter/locate-model.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { PictureFolder } from "../../pipeline/formats/picture-folder.js";
import { chainRecords, openRecords } from "../../pipeline/formats/record-source.js";
import type { RecordSource } from "../../pipeline/formats/record-stream.js";
import { checkOutputName } from "../../pipeline/formats/record-writer.js";
import { checkDistinct } from "../../pipeline/prepare/convert-records.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";

export async function openInput(
  files: readonly string[],
  { output, model, images }: { output: string; model: string; images?: string },
): Promise<{ source: RecordSource; tokenizer: Tokenizer }> {
  checkOutputName(output);
  const pictures = images === undefined ? undefined : new PictureFolder(images);
  const sources: RecordSource[] = [];
  for (const file of files) {
    await checkDistinct(file, output);
    sources.push(await openRecords(file, { pictures }));
  }
  const parts = await locateModel(await resolveModel(model));
  return { source: chainRecords(sources), tokenizer: await loadTokenizer(parts.tokenizer) };
}
