/** Records that got no draft: why, and which of them a later run need not try again. */
import { z } from "zod";

export type LeftOutReason =
  | "broken"
  | "no_picture"
  | "not_one_picture"
  | "no_question"
  | "markers"
  | "missing"
  | "unusable"
  | "empty"
  | "special"
  | "not_a_number";

export const leftOutReasons: Readonly<Record<LeftOutReason, string>> = {
  broken: "records that cannot be read",
  no_picture: "records without a picture",
  not_one_picture: "records with several pictures or a video",
  no_question: "records without a question",
  markers: "questions with more than one <image>",
  missing: "pictures that are missing",
  unusable: "pictures or prompts that cannot be used",
  empty: "drafts that are empty",
  special: "drafts that spell out a special token",
  not_a_number: "records for which the model's output is not a number",
};

/** Something went wrong; the others are what a data set has besides. */
export const failures: readonly LeftOutReason[] = ["broken", "missing", "unusable", "not_a_number"];

/** What the model said will be the same another time; a picture may be there by then, and another dtype or device may
 *  give numbers. */
const settled: ReadonlySet<LeftOutReason> = new Set(["empty", "special"]);
export const isSettled = (reason: LeftOutReason): boolean => settled.has(reason);

/** A line of FILE.left-out.jsonl. */
export interface LeftOut {
  /** Number of the record in the data, from 0. */
  record: number;
  id: string;
  reason: LeftOutReason;
  /** In one line, with the place. */
  message: string;
}

export const leftOutSchema = z.looseObject({
  record: z.int(),
  id: z.string(),
  reason: z.enum(Object.keys(leftOutReasons) as [LeftOutReason, ...LeftOutReason[]]),
  message: z.string(),
});

/** A record that cannot be drafted. */
export class LeftOutError extends Error {
  constructor(
    readonly reason: LeftOutReason,
    message: string,
    readonly id?: string,
    cause?: Error,
  ) {
    super(message, { cause });
  }
}
