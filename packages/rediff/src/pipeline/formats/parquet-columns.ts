/** Which parquet column each key of JSON records becomes, so that the records come back exactly.
 *
 *  Texts, numbers and booleans, lists of texts and lists of objects with texts (conversations, revise) get columns of
 *  their own types, which other tools understand. Any other value becomes JSON text. A parquet file has one kind of
 *  null, JSON records have two (the key is missing, the value is null): what it means is noted per column in the file's
 *  metadata, and a column that needs both is JSON text, with "null" written out. Keys that make no column names share
 *  one column of JSON objects. */
import type { SchemaElement } from "hyparquet";
import { z } from "zod";
import { parseShallowJson } from "../../options/shallow-json.js";
import { isRecord, type JsonRecord } from "./exact-json.js";

export type ColumnKind = "string" | "int" | "double" | "boolean" | "strings" | "structs" | "json";

export interface Column {
  name: string;
  kind: ColumnKind;
  /** Keys of each object in a list of kind "structs". */
  fields: readonly string[];
  /** What parquet's null stands for. */
  null: "absent" | "null";
}

export interface Columns {
  columns: readonly Column[];
  /** The column of all other keys, where there are any. */
  rest: string | undefined;
}

/** The key under which a file's metadata holds `columnsSchema`. */
export const METADATA_KEY = "rediff";

export const columnsSchema = z.object({
  version: z.literal(1),
  columns: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["string", "int", "double", "boolean", "strings", "structs", "json"]),
      fields: z.array(z.string()),
      null: z.enum(["absent", "null"]),
    }),
  ),
  rest: z.string().optional(),
});

/** More keys than this are no table any more. */
const MOST_COLUMNS = 500;
const isColumnName = (key: string): boolean => /^[A-Za-z][\w-]*$/.test(key);
/** Half a surrogate pair cannot be written as UTF-8; as JSON text it can, escaped. */
const isText = (value: unknown): value is string => typeof value === "string" && !/\p{Surrogate}/u.test(value);

interface Seen {
  kind: ColumnKind | "empty list" | undefined;
  fields: readonly string[];
  present: number;
  nulls: number;
}

/** Learns the columns from all records, then names them. */
export class ColumnFinder {
  readonly #seen = new Map<string, Seen>();
  #records = 0;
  #hasRest = false;

  add(record: JsonRecord): void {
    this.#records++;
    for (const [key, value] of Object.entries(record)) {
      const seen = this.#seen.get(key) ?? this.#newColumn(key);
      if (seen === undefined) continue;
      seen.present++;
      if (value === null) seen.nulls++;
      else merge(seen, value);
    }
  }

  #newColumn(key: string): Seen | undefined {
    if (!isColumnName(key) || this.#seen.size >= MOST_COLUMNS) {
      this.#hasRest = true;
      return undefined;
    }
    const seen: Seen = { kind: undefined, fields: [], present: 0, nulls: 0 };
    this.#seen.set(key, seen);
    return seen;
  }

  finish(): Columns {
    const columns = [...this.#seen].map(([name, seen]): Column => {
      const isSometimesAbsent = seen.present < this.#records;
      const needsBoth = isSometimesAbsent && seen.nulls > 0;
      const kind = needsBoth || seen.kind === undefined || seen.kind === "empty list" ? "json" : seen.kind;
      // JSON text writes null as such, so that parquet's can only mean that the key is missing.
      const meaning = kind === "json" || seen.nulls === 0 ? "absent" : "null";
      return { name, kind, fields: kind === "structs" ? seen.fields : [], null: meaning };
    });
    // A file needs a column, even for records without keys.
    const rest = this.#hasRest || columns.length === 0 ? freeName(this.#seen) : undefined;
    return { columns, rest };
  }
}

function freeName(taken: ReadonlyMap<string, unknown>): string {
  let name = "rest";
  while (taken.has(name)) name += "_";
  return name;
}

function merge(seen: Seen, value: unknown): void {
  const { kind, fields } = describe(value);
  if (seen.kind === undefined || (seen.kind === "empty list" && ["strings", "structs"].includes(kind))) {
    seen.kind = kind;
    seen.fields = fields;
  } else if (kind === "empty list" && ["strings", "structs", "empty list"].includes(seen.kind)) {
    return;
  } else if (seen.kind !== kind || !hasKeys(seen.fields, fields)) {
    const isNumber = [seen.kind, kind].every((one) => one === "int" || one === "double");
    seen.kind = isNumber ? "double" : "json";
  }
}

function describe(value: unknown): { kind: ColumnKind | "empty list"; fields: readonly string[] } {
  const plain = (kind: ColumnKind | "empty list") => ({ kind, fields: [] });
  if (isText(value)) return plain("string");
  if (typeof value === "boolean") return plain("boolean");
  // -0 is no integer of parquet's.
  if (typeof value === "number") return plain(Number.isSafeInteger(value) && !Object.is(value, -0) ? "int" : "double");
  if (!Array.isArray(value)) return plain("json");
  if (value.length === 0) return plain("empty list");
  if (value.every(isText)) return plain("strings");
  const fields = isRecord(value[0]) ? Object.keys(value[0]) : [];
  const isTable =
    fields.length > 0 &&
    fields.every(isColumnName) &&
    value.every(
      (element) => isRecord(element) && hasKeys(fields, Object.keys(element)) && Object.values(element).every(isText),
    );
  return isTable ? { kind: "structs", fields } : plain("json");
}

const hasKeys = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((key) => b.includes(key));

const STRING = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;

/** The schema of a file. A picture column is a group of bytes and path, as Hugging Face writes it. */
export function parquetSchemaOf({ columns, rest }: Columns, pictures: PictureColumn | undefined): SchemaElement[] {
  const elements = columns.flatMap((column) =>
    column.name === pictures?.name ? pictureElements(pictures) : elementsOf(column),
  );
  if (rest !== undefined) elements.push({ name: rest, ...STRING, repetition_type: "OPTIONAL" });
  return [{ name: "root", num_children: columns.length + (rest === undefined ? 0 : 1) }, ...elements];
}

export interface PictureColumn {
  name: string;
  isList: boolean;
}

function pictureElements({ name, isList }: PictureColumn): SchemaElement[] {
  const members: SchemaElement[] = [
    { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
    { name: "path", ...STRING, repetition_type: "OPTIONAL" },
  ];
  return isList ? listOf(name, members) : [{ name, repetition_type: "OPTIONAL", num_children: 2 }, ...members];
}

function elementsOf({ name, kind, fields }: Column): SchemaElement[] {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  switch (kind) {
    case "int":
      return [{ ...optional, type: "INT64" }];
    case "double":
      return [{ ...optional, type: "DOUBLE" }];
    case "boolean":
      return [{ ...optional, type: "BOOLEAN" }];
    case "strings":
      return listOf(name);
    case "structs":
      return listOf(
        name,
        fields.map((field) => ({ name: field, ...STRING, repetition_type: "OPTIONAL" })),
      );
    default:
      return [{ ...optional, ...STRING }];
  }
}

/** Three levels, as the format asks for; without members a list of texts. */
function listOf(name: string, members?: readonly SchemaElement[]): SchemaElement[] {
  const element: SchemaElement[] =
    members === undefined
      ? [{ name: "element", ...STRING, repetition_type: "OPTIONAL" }]
      : [{ name: "element", repetition_type: "OPTIONAL", num_children: members.length }, ...members];
  return [
    { name, repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    ...element,
  ];
}

/** A record as a row of the file's columns; null where a column has nothing. */
export function toRow({ columns, rest }: Columns, record: JsonRecord): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const { name, kind } of columns) {
    const value = Object.hasOwn(record, name) ? record[name] : undefined;
    if (kind === "json") row[name] = value === undefined ? null : JSON.stringify(value);
    else row[name] = kind === "int" && typeof value === "number" ? BigInt(value) : (value ?? null);
  }
  if (rest !== undefined) {
    const names = new Set(columns.map(({ name }) => name));
    const others = Object.entries(record).filter(([key]) => !names.has(key));
    row[rest] = others.length === 0 ? null : JSON.stringify(Object.fromEntries(others));
  }
  return row;
}

/** The record that `toRow` made a row of. @throws SyntaxError where it says so, and did not */
export function fromRow({ columns, rest }: Columns, row: Readonly<Record<string, unknown>>): JsonRecord {
  const entries = columns.flatMap(({ name, kind, null: meaning }): [string, unknown][] => {
    const value = row[name];
    if (value === null || value === undefined) return meaning === "absent" ? [] : [[name, null]];
    if (kind === "json") return [[name, parseShallowJson(String(value))]];
    return [[name, kind === "int" ? Number(value) : value]];
  });
  const others = rest === undefined ? undefined : row[rest];
  const further = typeof others === "string" ? parseShallowJson(others) : {};
  if (!isRecord(further)) throw new SyntaxError(`column ${rest} holds no keys and values`);
  entries.push(...Object.entries(further));
  return Object.fromEntries(entries);
}
