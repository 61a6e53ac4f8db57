/** Records to a parquet file. Column types depend on all records, so they wait in a JSONL file beside it. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ByteWriter, parquetWriteRows } from "hyparquet-writer";
import { mediaOf } from "../../data/parsing/media-keys.js";
import { UserError } from "../../errors.js";
import { AtomicFile } from "../../files/atomic-file.js";
import { fileError } from "../../files/read-errors.js";
import { storedPath } from "../../files/stored-path.js";
import type { JsonRecord } from "./exact-json.js";
import {
  ColumnFinder,
  type Columns,
  METADATA_KEY,
  type PictureColumn,
  parquetSchemaOf,
  toRow,
} from "./parquet-columns.js";
import type { RecordWriter } from "./record-stream.js";

export interface ParquetWriterOptions {
  /** Folder of the pictures that records name, to put them into the file. */
  imagesFrom?: string | undefined;
}

/** Rows that are in memory at a time; those with pictures are large. */
const ROWS = 5000;
const ROWS_WITH_PICTURES = 100;

export class ParquetWriter implements RecordWriter {
  readonly #finder = new ColumnFinder();
  /** Which key names pictures, and how: one name, or a list. */
  #pictures: PictureColumn | undefined;

  private constructor(
    private readonly path: string,
    private readonly spool: AtomicFile,
    private readonly file: AtomicFile,
    private readonly imagesFrom: string | undefined,
  ) {}

  static async create(path: string, { imagesFrom }: ParquetWriterOptions = {}): Promise<ParquetWriter> {
    const spool = await AtomicFile.create(`${path}.records`);
    return new ParquetWriter(path, spool, await AtomicFile.create(path), imagesFrom);
  }

  async write(record: JsonRecord): Promise<void> {
    if (this.imagesFrom !== undefined) this.#notePictures(record);
    this.#finder.add(record);
    await this.spool.write(`${JSON.stringify(record)}\n`);
  }

  #notePictures(record: JsonRecord): void {
    const { images, key: name = "image" } = mediaOf(record);
    if (images.length === 0) return;
    const image = record[name];
    const isList = Array.isArray(image) && image.every((name) => typeof name === "string");
    if (!isList && typeof image !== "string")
      throw new UserError(`${this.path}: ${name} is ${JSON.stringify(image)}, expected a name or a list of names`);
    this.#pictures ??= { name, isList };
    if (this.#pictures.name !== name)
      throw new UserError(
        `${this.path}: pictures are named by ${this.#pictures.name} in some records and by ${name} in others`,
        "Leave out --images, or convert the two kinds apart.",
      );
    if (this.#pictures.isList !== isList)
      throw new UserError(
        `${this.path}: ${name} is one name in some records and a list in others, and a picture column can be only one`,
        "Leave out --images, or convert the two kinds apart.",
      );
  }

  async commit(): Promise<void> {
    await this.spool.flush();
    const columns = this.#finder.finish();
    await parquetWriteRows({
      writer: new FileWriter(this.file),
      rows: this.#rows(columns),
      columns: [...columns.columns.map(({ name }) => ({ name })), ...(columns.rest ? [{ name: columns.rest }] : [])],
      schema: parquetSchemaOf(columns, this.#pictures),
      rowGroupSize: this.#pictures === undefined ? ROWS : ROWS_WITH_PICTURES,
      statistics: false, // Nothing here searches by value.
      kvMetadata: [{ key: METADATA_KEY, value: JSON.stringify({ version: 1, ...columns }) }],
      createdBy: "rediff",
    });
    await this.file.commit();
    await this.spool.abort();
  }

  async abort(): Promise<void> {
    await this.spool.abort();
    await this.file.abort();
  }

  async *#rows(columns: Columns): AsyncGenerator<Record<string, unknown>> {
    const input = createReadStream(this.spool.partial, { encoding: "utf8" });
    for await (const line of splitLines(input)) {
      const row = toRow(columns, JSON.parse(line) as JsonRecord);
      if (this.#pictures !== undefined) row[this.#pictures.name] = await this.#embed(row[this.#pictures.name]);
      yield row;
    }
  }

  async #embed(image: unknown): Promise<unknown> {
    if (Array.isArray(image)) return Promise.all(image.map((name) => this.#embed(name)));
    if (typeof image !== "string") return null;
    const named = join(this.imagesFrom ?? "", image);
    const path = storedPath(named) ?? named;
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw fileError(path, cause);
    });
    return { bytes: new Uint8Array(bytes), path: image };
  }
}

/** Hands each row group to the file, so that memory holds one at a time. */
class FileWriter extends ByteWriter {
  constructor(private readonly file: AtomicFile) {
    super(1 << 20);
  }

  async flush(): Promise<void> {
    const bytes = new Uint8Array(this.buffer.slice(0, this.index));
    this.index = 0;
    await this.file.write(bytes);
  }

  override finish(): Promise<void> {
    return this.flush();
  }
}

/** Not node:readline, which also splits at U+2028, and JSON texts may hold that. */
async function* splitLines(input: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of input) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
