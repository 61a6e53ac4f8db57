/** What can be wrong with one sample, and how a person finds it again. */
import { UserError } from "../../errors.js";
import type { SampleSource } from "./sample.js";

/** What is wrong with a sample, in a word. */
export type ProblemKind =
  | "json"
  | "encoding"
  | "form"
  | "empty"
  | "markers"
  | "missing"
  | "unreadable"
  | "template"
  | "length"
  | "revise"
  | "other";

/** Headings of a report; the keys group what was found. */
export const problemTitles: Readonly<Record<ProblemKind, string>> = {
  json: "broken JSON",
  encoding: "text that is not UTF-8",
  form: "records of the wrong form",
  empty: "records whose answers are empty",
  markers: "<image> markers and pictures do not match",
  missing: "pictures or videos that are missing",
  unreadable: "pictures or videos that cannot be read",
  template: "conversations that do not fit the template",
  length: "answers cut away by max_length",
  revise: "revise pairs that cannot be used",
  other: "other",
};

/** A sample that cannot be used. The message says why, not where: the place is added by `placed`. */
export class SampleError extends UserError {
  constructor(
    readonly kind: ProblemKind,
    message: string,
    hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, hint, { ...options, code: "bad_data" });
  }
}

/** A sample that was left out, as plain data: it crosses threads and goes into logs. */
export interface Skip {
  source: SampleSource;
  kind: ProblemKind;
  reason: string;
  hint?: string;
  /** Only of an unexpected error: a bug keeps its stack. */
  stack?: string;
}

/** `train.jsonl:4127 (id "000000215677")`; records of a JSON array or a tar are counted from 0: `train.json[4126]`. */
export function describeSource({ file, index, line, id }: SampleSource): string {
  const place = line === undefined ? `${file}[${index}]` : `${file}:${line}`;
  return id === undefined ? place : `${place} (id ${JSON.stringify(id)})`;
}

/** The whole story in one line. */
export function describeSkip({ source, reason, hint }: Skip): string {
  return `${describeSource(source)}: ${reason}${hint === undefined ? "" : `. ${hint}`}`;
}

/** Any error of a sample as what is counted and shown. */
export function toSkip(error: unknown, source: SampleSource): Skip {
  if (error instanceof UserError) {
    const kind = error instanceof SampleError ? error.kind : "other";
    const skip: Skip = { source, kind, reason: error.message };
    if (error.hint !== undefined) skip.hint = error.hint;
    return skip;
  }
  const unexpected = error instanceof Error ? error : new Error(String(error));
  const skip: Skip = { source, kind: "other", reason: `${unexpected.name}: ${unexpected.message}` };
  if (unexpected.stack !== undefined) skip.stack = unexpected.stack;
  return skip;
}
