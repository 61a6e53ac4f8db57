/** Records to a JSON, JSONL or parquet file, by its extension. The file appears when all of it is there. */
import { extname } from "node:path";
import { UserError } from "../../errors.js";
import { AtomicFile } from "../../files/atomic-file.js";
import { ParquetWriter, type ParquetWriterOptions } from "./parquet-writer.js";
import type { RecordWriter } from "./record-stream.js";

export const OUTPUT_FORMATS = ".json, .jsonl or .parquet";

/** @throws UserError when the extension is none of OUTPUT_FORMATS */
export function checkOutputName(file: string): void {
  if (![".json", ".jsonl", ".ndjson", ".parquet"].includes(extname(file).toLowerCase()))
    throw new UserError(`${file}: expected a name that ends in ${OUTPUT_FORMATS}`);
}

export interface WriterOptions extends ParquetWriterOptions {
  /** JSON with one record a line instead of one value a line. */
  compact?: boolean | undefined;
}

export async function createRecords(file: string, options: WriterOptions = {}): Promise<RecordWriter> {
  checkOutputName(file);
  const extension = extname(file).toLowerCase();
  if (extension === ".parquet") return ParquetWriter.create(file, options);
  return extension === ".json" ? createArray(file, options.compact === true) : createLines(file);
}

/** Runs `fill` on a new file and gives the file its place, or leaves nothing. */
export async function writeRecords<Result>(
  file: string,
  fill: (writer: RecordWriter) => Promise<Result>,
  options: WriterOptions = {},
): Promise<Result> {
  const writer = await createRecords(file, options);
  try {
    const result = await fill(writer);
    await writer.commit();
    return result;
  } finally {
    await writer.abort();
  }
}

async function createLines(path: string): Promise<RecordWriter> {
  const file = await AtomicFile.create(path);
  return {
    write: (record) => file.write(`${JSON.stringify(record)}\n`),
    commit: () => file.commit(),
    abort: () => file.abort(),
  };
}

/** As Python's json.dump(records, indent=2, ensure_ascii=False) writes them, or compact. */
async function createArray(path: string, compact: boolean): Promise<RecordWriter> {
  const file = await AtomicFile.create(path);
  let count = 0;
  return {
    write: (record) => {
      const text = compact ? JSON.stringify(record) : `  ${JSON.stringify(record, null, 2).replaceAll("\n", "\n  ")}`;
      return file.write(`${count++ === 0 ? "[" : ","}\n${text}`);
    },
    commit: async () => {
      await file.write(count === 0 ? "[]" : "\n]");
      await file.commit();
    },
    abort: () => file.abort(),
  };
}
