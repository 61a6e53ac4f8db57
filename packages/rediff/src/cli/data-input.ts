/** What commands that count tokens need: records, a place for the result, a tokenizer. */
import { checkDistinct } from "../data/prepare/convert.js";
import { PictureFolder } from "../data/prepare/picture-folder.js";
import { chainRecords, openRecords, type RecordSource } from "../data/prepare/record-source.js";
import { checkOutputName } from "../data/prepare/record-writer.js";
import { resolveModel } from "../hub/resolve.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";

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
  return { source: chainRecords(sources), tokenizer: await loadTokenizer(await resolveModel(model)) };
}
