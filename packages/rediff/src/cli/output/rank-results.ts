/** Captions of several processes, put together in the order of the pictures. */
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import { mergeRankFiles } from "../../ranks/rank-files.js";
import { ResultsFile } from "./results-file.js";

/** Results of an earlier run over other pictures come first.
 *  @throws UserError for results of another model or other options */
export async function mergeResults(output: string, names: readonly string[], origin: ResultOrigin): Promise<void> {
  const places = new Map(names.map((name, place) => [name, place]));
  await mergeRankFiles<string>(output, {
    async read(path, onRecord) {
      const file = await ResultsFile.open(path, origin, onRecord);
      await file.close();
    },
    placeOf: (name) => places.get(name) ?? -1,
  });
}
