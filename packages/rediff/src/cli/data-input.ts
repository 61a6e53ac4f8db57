/** What commands that count tokens need: records, a place for the result, a tokenizer. */
import { checkDistinct } from "../data/prepare/convert.js";
import { PictureFolder } from "../data/prepare/picture-folder.js";
import { openRecords, type RecordSource } from "../data/prepare/record-source.js";
import { checkOutputName } from "../data/prepare/record-writer.js";
import { resolveModel } from "../hub/resolve.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";

export async function openInput(
  file: string,
  { output, model, images }: { output: string; model: string; images?: string },
): Promise<{ source: RecordSource; tokenizer: Tokenizer }> {
  checkOutputName(output);
  await checkDistinct(file, output);
  const source = await openRecords(file, { pictures: images === undefined ? undefined : new PictureFolder(images) });
  return { source, tokenizer: await loadTokenizer(await resolveModel(model)) };
}
