/** JSON, JSONL and parquet, each into each, record by record. */
import { realpath } from "node:fs/promises";
import { mediaOf } from "../../data/parsing/media-keys.js";
import { SampleError } from "../../data/samples/sample-error.js";
import { UserError } from "../../errors.js";
import type { JsonRecord } from "../formats/exact-json.js";
import { PictureFolder } from "../formats/picture-folder.js";
import { isParquet, openRecords } from "../formats/record-source.js";
import { writeRecords } from "../formats/record-writer.js";

export interface ConvertOptions {
  /** Where pictures inside a parquet file go, or where those come from that go into one. */
  images?: string | undefined;
  onProgress?: (done: number, total: number) => void;
}

export interface Converted {
  output: string;
  records: number;
  /** Files written to `images`; those that were there already are not counted. */
  pictures: number;
  /** Columns of pictures that training does not read, or why it would not read a record's. */
  unread?: string[];
}

/** @throws UserError naming file and line of a record that is broken */
export async function convertRecords(input: string, output: string, options: ConvertOptions = {}): Promise<Converted> {
  const { images, onProgress } = options;
  await checkDistinct(input, output);
  const isEmbedding = isParquet(output) && !isParquet(input);
  if (images !== undefined && !isParquet(input) && !isParquet(output))
    throw new UserError("--images is about parquet files, and neither file is one", "Leave it out.");
  const pictures = images !== undefined && isParquet(input) ? new PictureFolder(images) : undefined;
  const source = await openRecords(input, { pictures });
  const unread = new Set<string>();
  const sink = isEmbedding ? { imagesFrom: images } : {};
  await writeRecords(
    output,
    async (writer) => {
      let done = 0;
      for await (const { value } of source.records()) {
        await writer.write(value);
        if (pictures !== undefined) for (const what of unreadBy(value)) unread.add(what);
        onProgress?.(++done, source.count);
      }
    },
    sink,
  );
  return {
    output,
    records: source.count,
    pictures: pictures?.written ?? 0,
    ...(unread.size > 0 && { unread: [...unread] }),
  };
}

function unreadBy(record: JsonRecord): string[] {
  try {
    return mediaOf(record).unread;
  } catch (error) {
    if (error instanceof SampleError) return [error.line];
    throw error;
  }
}

/** @throws UserError when both names are of one file */
export async function checkDistinct(input: string, output: string): Promise<void> {
  const [a, b] = await Promise.all([input, output].map((path) => realpath(path).catch(() => undefined)));
  if (a !== undefined && a === b)
    throw new UserError(`${output} is read and cannot be written to`, "Name another file for the result.");
}
