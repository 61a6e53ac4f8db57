/** Captions of many pictures, as `rediff caption` writes them down. */
import type { Description } from "../../inference/answers.js";
import type { ManyOptions } from "../../inference/request.js";
import { namedApproximations } from "../../inference/request-record.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import { noteApproximate } from "../terminal/cache-note.js";
import { errorText } from "../terminal/error-text.js";
import { layersText } from "../terminal/layers-text.js";
import { answerLine, noteLine } from "../terminal/lines.js";
import { progress } from "../terminal/progress.js";
import { unreadNote } from "../terminal/unread-note.js";
import type { ResultsFile } from "./results-file.js";
import type { TraceFile } from "./trace-file.js";

export const nameOf = (group: readonly string[]): string => group.join(" ");

const toRecord = (image: string, d: Description) => ({ image, ...descriptionRecord(d) });

/** A description's keys in JSON. */
export function descriptionRecord(d: Description) {
  return {
    text: d.text,
    token_ids: d.tokenIds,
    steps: d.steps,
    seconds: round(d.seconds),
    tokens_per_second: round(d.tokensPerSecond),
    edits: d.edits.map(({ step, position, from, to }) => ({ step, position, from, to })),
    ...namedApproximations(d),
  };
}

const round = (value: number): number => Number(value.toPrecision(6));

export interface CaptionRun {
  options: Omit<ManyOptions, "onTrace" | "onWarning" | "onLayers">;
  flags: { json?: true; verbose?: true };
  results?: { file: ResultsFile; origin: ResultOrigin | undefined } | undefined;
  trace?: TraceFile | undefined;
  /** Of several processes: whether this one is to do a group, asked in their order. */
  isOurs?: (nth: number) => Promise<boolean>;
}

/** Several at a time, read ahead. @returns how many failed */
export async function captionAll(
  model: VisionLanguageModel,
  groups: readonly (readonly string[])[],
  { options, flags, results, trace, isOurs }: CaptionRun,
): Promise<number> {
  const { describeMany } = await import("../../inference/describe-many.js");
  const bar = progress({ label: "captions", total: groups.length, unit: "pictures" });
  let failures = 0;
  let answered = 0;
  let done = 0;
  const taken: (readonly string[])[] = [];
  const ours = async function* (): AsyncGenerator<readonly string[]> {
    for (const [nth, group] of groups.entries()) {
      if (isOurs !== undefined && !(await isOurs(nth))) {
        bar.update(++done); // another process has it
        continue;
      }
      taken.push(group);
      yield group;
    }
  };
  try {
    const many = describeMany(model, ours(), {
      ...options,
      onWarning: (line) => bar.note(`rediff: ${line}`),
      onLayers(progress) {
        const text = layersText(progress);
        if (text !== undefined) bar.detail(text);
      },
      ...(trace && { onTrace: (index, step) => trace.write(nameOf(taken[index] ?? []), step) }),
    });
    for await (const result of many) {
      const name = nameOf(taken[result.index] ?? []);
      if (result.ok) {
        if (answered++ === 0) noteFirst(result.description);
        const record = { ...toRecord(name, result.description), ...results?.origin };
        await results?.file.append(record);
        if (process.stdout.isTTY) bar.finish(); // both may be the same terminal
        if (flags.json) answerLine(JSON.stringify(record));
        else if (results === undefined) answerLine(textLine(name, record.text, groups.length));
      } else {
        failures++;
        bar.note(`rediff: ${errorText(result.error, flags.verbose)}`);
      }
      bar.update(++done);
    }
  } finally {
    bar.finish();
  }
  return failures;
}

/** What is said once for all pictures. */
export function noteFirst(description: Description): void {
  noteUnread(description);
  noteApproximate(description);
}

function noteUnread({ unread, draftUnread, suffixUnread }: Description): void {
  if (unread.length > 0) noteLine(`of the question ${unreadNote(unread)}`);
  if (draftUnread.length > 0) noteLine(`of the draft ${unreadNote(draftUnread)}; it writes words of its own`);
  if (suffixUnread.length > 0) noteLine(`of the suffix ${unreadNote(suffixUnread)}; the answer does not have it`);
}

export const textLine = (name: string, text: string, total: number): string =>
  `${total > 1 ? `${name}: ` : ""}${text.trim()}`;
