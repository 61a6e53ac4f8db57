/** Records on their way from file to file, whatever the files' formats are. */
import type { JsonRecord } from "./exact-json.js";

export interface SourceRecord {
  value: JsonRecord;
  file: string;
  /** Among the file's records, from 0. */
  index: number;
  /** From 1; only in JSONL. */
  line?: number;
  /** `file:line`, for messages. */
  where(): Promise<string>;
}

export interface RecordSource {
  file: string;
  count: number;
  /** Can be walked through several times. */
  records(): AsyncGenerator<SourceRecord>;
}

/** `commit()` or `abort()` it; `abort()` after `commit()` is harmless. */
export interface RecordWriter {
  write(record: JsonRecord): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}
