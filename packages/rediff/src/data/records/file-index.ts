/** Where each record of a data file lies, so that any of them can be read without the others.
 *
 *  An index is one number per record: ten million records take 80 MB, whatever their text takes. Records are parsed when
 *  they are asked for. Three kinds of files have an index: JSONL (one record a line), a JSON array, and a WebDataset
 *  shard (tar). Content decides between the first two, not the name: much JSONL is called .json. */

export type FileKind = "jsonl" | "json" | "tar";

export interface FileIndex {
  readonly file: string;
  readonly kind: FileKind;
  readonly count: number;
  /** Byte at which each record starts, and where the last one ends: [count + 1]. What separates two records belongs to
   *  the first. */
  readonly starts: Float64Array;
  /** For each blank line of a JSONL file, the number of records before it; ascending. */
  readonly blankLines: readonly number[];
}

/** One record's place: all that a reader needs, in this thread or another. */
export interface RecordPlace {
  file: string;
  kind: FileKind;
  /** Among the file's records, from 0. */
  index: number;
  /** From 1; only in JSONL. */
  line?: number;
  start: number;
  end: number;
}

export interface ScanOptions {
  /** Called now and then with the bytes that were scanned since the last call. */
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
  /** Bytes read at once; for tests. */
  chunkBytes?: number;
}

/** @throws RangeError when there is no such record */
export function placeOf(index: FileIndex, record: number): RecordPlace {
  const [start, end] = [index.starts[record], index.starts[record + 1]];
  if (start === undefined || end === undefined)
    throw new RangeError(`${index.file} has no record ${record}, it has ${index.count}`);
  const place: RecordPlace = { file: index.file, kind: index.kind, index: record, start, end };
  if (index.kind === "jsonl") place.line = record + 1 + blankLinesBefore(index.blankLines, record);
  return place;
}

/** Blank lines above a record: entries that are at most `record`, by bisection. */
function blankLinesBefore(blankLines: readonly number[], record: number): number {
  let [low, high] = [0, blankLines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blankLines[middle] ?? 0) <= record) low = middle + 1;
    else high = middle;
  }
  return low;
}
