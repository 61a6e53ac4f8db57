/** What a parquet file claims (rows, pages, sizes, runs of equal values) is compared with its bytes before the library
 *  reads it: the library makes arrays of whatever length it is told, and five bytes can say two thousand million.
 *
 *  The layout: https://parquet.apache.org/docs/file-format. */
import { type FileMetaData, parquetSchema, type SchemaTree } from "hyparquet";
import { unpackPage } from "./parquet-compressors.js";
import { checkDeltas } from "./parquet-deltas.js";
import { checkPrefixedRuns, checkRuns, widthOf } from "./parquet-runs.js";
import { type Fields, ThriftReader } from "./parquet-thrift.js";

const MOST_FOOTER_BYTES = 256 << 20;
const MOST_COLUMNS = 10_000;
/** Of a row group, and of a page: all of it is in memory at a time. Writers make groups of at most 2^20 rows. */
const MOST_ROWS = 2 ** 22;
/** More rows than these need some bytes: a group of a million rows in a hundred bytes holds nothing. */
const FREE_ROWS = 2 ** 16;
const ROWS_PER_BYTE = 64;
/** Pages are about a megabyte; texts that repeat themselves shrink to a hundredth. */
const FREE_PAGE_BYTES = 16 << 20;
const MOST_TIMES = 200;
const MOST_PAGE_BYTES = 2 ** 30;
const MOST_REPEATED_BYTES = 2 ** 28;

/** @param tail the last bytes of the file, at least 8 */
export function footerLength(tail: Uint8Array, fileSize: number): number {
  const end = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  if (tail.length < 8 || end.toString("latin1", end.length - 4) !== "PAR1")
    throw new Error("it does not end as parquet does");
  const length = end.readUInt32LE(end.length - 8);
  if (length > fileSize - 12) throw new Error(`a footer of ${length} bytes in a file of ${fileSize}`);
  if (length > MOST_FOOTER_BYTES) throw new Error(`a footer of ${length} bytes; at most ${MOST_FOOTER_BYTES} are read`);
  return length;
}

/** @throws Error when lists or texts in it go beyond it */
export function checkFooter(footer: Uint8Array): void {
  new ThriftReader(footer).struct();
}

/** Rows, row groups and the places of their columns.
 *  @throws Error naming the group and the claim */
export function checkMetadata(metadata: FileMetaData, fileSize: number): void {
  if (metadata.schema.length > MOST_COLUMNS)
    throw new Error(`its schema has ${metadata.schema.length} parts; at most ${MOST_COLUMNS} are read`);
  let total = 0;
  for (const [i, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows);
    const place = `row group ${i}`;
    if (!Number.isSafeInteger(rows) || rows < 0) throw new Error(`${place} claims ${rows} rows`);
    if (rows > MOST_ROWS) throw new Error(`${place} has ${rows} rows; at most ${MOST_ROWS} are read at a time`);
    let bytes = 0;
    for (const { meta_data: column } of group.columns) {
      if (column === undefined) throw new Error(`${place} has a column in another file`);
      const { start, end } = columnRange(column);
      if (!(start >= 0 && start <= end && end <= fileSize))
        throw new Error(
          `${place}: column ${shown(column.path_in_schema)} claims bytes ${start} to ${end} of ${fileSize}`,
        );
      bytes += end - start;
    }
    if (rows > FREE_ROWS && rows > ROWS_PER_BYTE * bytes)
      throw new Error(`${place} claims ${rows} rows in ${bytes} bytes`);
    total += rows;
  }
  if (Number(metadata.num_rows) !== total)
    throw new Error(`it claims ${metadata.num_rows} rows, and its row groups have ${total}`);
}

type ColumnMetaData = NonNullable<FileMetaData["row_groups"][number]["columns"][number]["meta_data"]>;

/** As the library finds it. */
export function columnRange({ dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnMetaData): {
  start: number;
  end: number;
} {
  const start = Number(dictionary_page_offset || data_page_offset);
  return { start, end: start + Number(total_compressed_size) };
}

const shown = (path: readonly string[]): string => JSON.stringify(path.join(".").slice(0, 80));

/** The pages of a column in a row group, and the runs in them.
 *  @param chunk the bytes that `columnRange` says
 *  @throws Error naming the column and the claim */
export function checkColumn(metadata: FileMetaData, column: ColumnMetaData, chunk: Uint8Array): void {
  const name = shown(column.path_in_schema);
  const levels = levelsOf(parquetSchema(metadata), column.path_in_schema);
  const thrift = new ThriftReader(chunk);
  let values = 0;
  try {
    while (thrift.at < chunk.length - 1) {
      const page = thrift.struct();
      const packed = number(page, 3);
      if (!(packed >= 0 && packed <= chunk.length - thrift.at))
        throw new Error(`a page claims ${packed} bytes, and ${chunk.length - thrift.at} are left`);
      const body = chunk.subarray(thrift.at, thrift.at + packed);
      thrift.at += packed;
      values += checkPage(page, body, column, levels);
      if (values > MOST_ROWS * 4) throw new Error(`its pages claim more than ${MOST_ROWS * 4} values`);
    }
  } catch (error) {
    throw new Error(`column ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Levels {
  definition: number;
  repetition: number;
}

function levelsOf(root: SchemaTree, path: readonly string[]): Levels {
  const levels = { definition: 0, repetition: 0 };
  let node: SchemaTree | undefined = root;
  for (const name of path) {
    node = node?.children.find(({ element }) => element.name === name);
    const kind = node?.element.repetition_type;
    if (kind === "OPTIONAL" || kind === "REPEATED") levels.definition++;
    if (kind === "REPEATED") levels.repetition++;
  }
  if (node === undefined) throw new Error(`column ${shown(path)} is not in the schema`);
  return levels;
}

const number = (fields: Fields | undefined, id: number): number => {
  const value = fields?.get(id);
  return typeof value === "number" ? value : Number.NaN;
};
const struct = (fields: Fields, id: number): Fields | undefined => {
  const value = fields.get(id);
  return value instanceof Map ? value : undefined;
};

/** @returns values that the page claims */
function checkPage(page: Fields, body: Uint8Array, { codec, type }: ColumnMetaData, levels: Levels): number {
  const plainBytes = number(page, 2);
  if (
    !(plainBytes >= 0 && plainBytes <= Math.min(MOST_PAGE_BYTES, Math.max(FREE_PAGE_BYTES, MOST_TIMES * body.length)))
  )
    throw new Error(`a page of ${body.length} bytes claims to unpack to ${plainBytes}`);
  const [first, dictionary, second] = [struct(page, 5), struct(page, 7), struct(page, 8)];
  const values = number(dictionary ?? second ?? first, 1);
  if (!(values >= 0 && values <= MOST_ROWS))
    throw new Error(`a page claims ${values} values; at most ${MOST_ROWS} are read`);
  if (dictionary !== undefined) {
    // A value takes a bit at least, and mostly four bytes.
    if (values > 8 * plainBytes) throw new Error(`a dictionary of ${plainBytes} bytes claims ${values} values`);
    return 0;
  }
  if (second !== undefined) {
    const [definition, repetition] = [number(second, 5), number(second, 6)];
    const [nulls, rows] = [number(second, 2), number(second, 3)];
    if (!(definition >= 0 && repetition >= 0 && definition + repetition <= Math.min(body.length, plainBytes)))
      throw new Error(`a page claims ${definition + repetition} bytes of levels, and has ${body.length}`);
    if (!(nulls >= 0 && nulls <= values && rows >= 0 && rows <= values))
      throw new Error(`a page of ${values} values claims ${nulls} nulls in ${rows} rows`);
    if (levels.repetition > 0) checkRuns(body, { at: 0, end: repetition, width: widthOf(levels.repetition), values });
    if (levels.definition > 0)
      checkRuns(body, { at: repetition, end: repetition + definition, width: widthOf(levels.definition), values });
    const rest = body.subarray(repetition + definition);
    const isPacked = second.get(7) !== false;
    const data = isPacked ? unpackPage(codec, rest, plainBytes - repetition - definition) : rest;
    checkValues(data, 0, { encoding: number(second, 4), values: values - nulls, type });
    return values;
  }
  if (first === undefined) return 0; // Of a kind that the library refuses by name.
  const data = unpackPage(codec, body, plainBytes);
  let at = 0;
  for (const level of [levels.repetition, levels.definition])
    if (level > 0) at = checkPrefixedRuns(data, at, { width: widthOf(level), values });
  checkValues(data, at, { encoding: number(first, 2), values, type });
  return values;
}

/** Numbers of encodings. */
const [PLAIN_DICTIONARY, RLE, RLE_DICTIONARY] = [2, 3, 8];
const [DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY] = [5, 6, 7];

function checkValues(
  data: Uint8Array,
  at: number,
  { encoding, values, type }: { encoding: number; values: number; type: string },
): void {
  if (encoding === DELTA_BINARY_PACKED || encoding === DELTA_LENGTH_BYTE_ARRAY) checkDeltas(data, at, values);
  else if (encoding === DELTA_BYTE_ARRAY) {
    // Each text begins with as many bytes of the one before as it says: a page may say them twenty thousand times.
    const repeated = checkDeltas(data, at, values);
    if (repeated > MOST_REPEATED_BYTES)
      throw new Error(
        `texts of a page repeat ${repeated} bytes of each other; at most ${MOST_REPEATED_BYTES} are read`,
      );
  } else if (encoding === RLE && type === "BOOLEAN") checkPrefixedRuns(data, at, { width: 1, values, isRest: true });
  else if (encoding === PLAIN_DICTIONARY || encoding === RLE_DICTIONARY || encoding === RLE) {
    const width = data[at];
    if (width === undefined) return; // No values: nothing but nulls.
    if (width > 32) throw new Error(`indices of ${width} bits`);
    if (width > 0) checkRuns(data, { at: at + 1, end: data.length, width, values, isRest: true });
  }
}
