/** A record to what the model learns from: `<image>` placed, text tokenised and labelled, phrases to revise marked,
 *  pictures and videos decoded.
 *
 *  Departures from the reference: the number of `<image>` has to equal the number of pictures (there, a missing picture
 *  is taken from the next sample); a sample none of whose revise pairs can be used is refused (there, its flawed text is
 *  learnt as if it were right); so is one whose answer lies wholly beyond `max_length`. */

import { UserError } from "../../errors.js";
import type { PromptTemplate } from "../../text/chat-template.js";
import { specialTokensIn } from "../../text/conversation-prompt.js";
import { ignoredLabel, imagePlaceholder, imageToken } from "../../text/image-tokens.js";
import { type Labelled, labelCaption, labelConversation, placeTrainingImages, type Turn } from "../../text/labels.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { visualRows } from "../../vision/tiles/token-layout.js";
import { answerSpans } from "./answer-positions.js";
import { keepBlanks } from "./masked-blanks.js";
import { markRevisions, type PairOutcome, type Revised } from "./revised-phrases.js";
import type { DataRecord, TrainingSample } from "./sample.js";
import { SampleError } from "./sample-error.js";
import { loadMedia, type MediaSettings } from "./sample-media.js";
import type { SampleRules } from "./sample-rules.js";
import { assertTextSize } from "./text-size.js";
import { addTimeInstruction, type VideoTimes } from "./time-instruction.js";
import { type UnderstoodRecord, understand } from "./understood-record.js";

/** Plain data, so that threads can be given it. */
export interface SampleSettings {
  template: PromptTemplate;
  /** System message; default: the one that the published models were trained with. */
  system?: string;
  /** Positions that a sample may have, pictures expanded; what lies beyond is cut. */
  maxLength: number;
  /** Positions of the last answer at least, end-of-text included: what an answer is decoded into. */
  canvas?: number;
  /** The last phrase of an answer may be replaced by a shorter one (revised-phrases.ts). Default false. */
  shorterEnds?: boolean;
  rules: SampleRules;
  /** Tell the model the times of a video's frames. */
  addTimeInstruction?: boolean;
  /** Absent for a text-only model. */
  media?: MediaSettings;
}

export interface SampleContext {
  tokenizer: Tokenizer;
  settings: SampleSettings;
}

/** @throws SampleError (or a UserError of the template) for whatever makes the record unusable */
export async function buildSample(
  given: DataRecord,
  context: SampleContext,
  signal?: AbortSignal,
): Promise<TrainingSample> {
  const { settings } = context;
  const record = understand(given, settings);
  const modality = record.video !== undefined ? "video" : record.images.length > 0 ? "image" : "text";
  if (modality !== "text" && settings.media === undefined) {
    throw new SampleError("template", "has pictures, and the model is text-only", "Train a LLaDA-V or ReDiff model");
  }
  const needsTimes = settings.addTimeInstruction === true && record.video !== undefined;
  // Text first: it is quick, and a record that fails here needs no decoding.
  const early = needsTimes ? undefined : labelUsable(record, context);
  const media = settings.media && (await loadMedia(record, settings.media, signal));
  const labelled = early ?? labelUsable(record, context, media?.video);
  const visuals = media?.visuals ?? [];
  assertAnswerFits(labelled, context, (i) => {
    const visual = visuals[i];
    return visual === undefined || settings.media === undefined ? 1 : visualRows(visual, settings.media.geometry);
  });
  // Cut as the collator cuts, where a picture still counts as one token; positions beyond are cut after the splice.
  const cut = <Value>(list: readonly Value[]): Value[] => list.slice(0, settings.maxLength);
  const ids = cut(labelled.ids);
  return {
    ids,
    labels: cut(labelled.labels),
    revise: cut(labelled.revise),
    visuals: visuals.slice(0, countPlaceholders(ids)),
    modality,
    source: record.source,
    ...(record.notes.length > 0 && { notes: record.notes }),
  };
}

function labelUsable(record: UnderstoodRecord, context: SampleContext, video?: VideoTimes): Revised {
  const text = labelRecord(record, context, video);
  assertPairUsed(text, context);
  return onCanvas(text, context);
}

/** With end-of-text behind the last answer up to the canvas, as in a batch behind the shorter samples. A model that never
 *  saw more masks than its longest answers needed does not know what to do with the rest. */
function onCanvas(text: Revised, { tokenizer, settings: { canvas = 0 } }: SampleContext): Revised {
  // Whatever is learnt of it: in a form the header is not.
  const answer = answerSpans(tokenizer, { ids: text.ids, labels: text.ids }).at(-1);
  const missing = answer === undefined ? 0 : Math.max(0, answer.start + canvas - text.ids.length);
  if (missing === 0) return text;
  const { pad } = tokenizer.special;
  const more = <T>(values: readonly T[], value: T): T[] => [...values, ...Array<T>(missing).fill(value)];
  return { ...text, ids: more(text.ids, pad), labels: more(text.labels, pad), revise: more(text.revise, false) };
}

/** The text of a sample, whole: ids, labels, positions to revise. `video` adds the time instruction, if that is asked
 *  for. Opens nothing. Whether pairs could be used is for `assertPairUsed` to judge. */
export function labelRecord(record: UnderstoodRecord, context: SampleContext, video?: VideoTimes): Revised {
  assertTextSize(record);
  const { tokenizer, settings } = context;
  const pictures = record.images.length + (record.video === undefined ? 0 : 1);
  const timed = video !== undefined && settings.addTimeInstruction === true;
  const turns = timed ? addTimeInstruction(record.turns, video) : record.turns;
  assertMarkers(record, turns, settings);
  noteSpecialTokens(record, turns, tokenizer);
  const whole = labelTurns(turns, { hasImage: pictures > 0, system: record.system }, context);
  const text = record.blanks === undefined ? whole : keepBlanks(tokenizer, whole, turns, record.blanks);
  return markRevisions(tokenizer, text, record.revise, {
    search: settings.rules.phraseSearch,
    shorter: settings.shorterEnds,
    fill: settings.canvas === undefined ? undefined : tokenizer.special.pad,
  });
}

/** A text about models may have them by chance, and one from a stranger on purpose. */
function noteSpecialTokens({ notes, system }: UnderstoodRecord, turns: readonly Turn[], tokenizer: Tokenizer): void {
  const texts = [system, ...turns.map(({ content }) => content)];
  const spelt = texts.flatMap((text) => specialTokensIn(tokenizer, text.replaceAll(imageToken, " ")));
  for (const what of new Set(spelt)) {
    if (!notes.some((note) => note.kind === "special_tokens" && note.what === what)) {
      notes.push({ kind: "special_tokens", what });
    }
  }
}

function labelTurns(
  turns: readonly Turn[],
  { hasImage, system }: { hasImage: boolean; system: string },
  { tokenizer, settings }: SampleContext,
): Labelled {
  try {
    if (settings.template === "llada_plain") return labelCaption(tokenizer, turns, settings.rules.spelt);
    const placed = hasImage ? placeTrainingImages(turns) : turns;
    return labelConversation(tokenizer, placed, { hasImage, system, spelt: settings.rules.spelt });
  } catch (cause) {
    throw cause instanceof UserError ? new SampleError("template", cause.message, cause.hint, { cause }) : cause;
  }
}

function assertMarkers(record: UnderstoodRecord, turns: readonly Turn[], settings: SampleSettings): void {
  const pictures = record.images.length + (record.video === undefined ? 0 : 1);
  const first = turns[0]?.role === "assistant" && settings.template !== "llada_plain" ? 1 : 0;
  const used = turns.slice(first).map(({ content }) => content);
  // llada_plain writes one marker of its own in place of the question.
  const counted = settings.template === "llada_plain" ? [imageToken, ...used.slice(1)] : used;
  const markers = counted.reduce((sum, content) => sum + content.split(imageToken).length - 1, 0);
  if (markers === pictures || (pictures === 0 && settings.rules.strayMarker === "text")) return;
  throw new SampleError(
    "markers",
    `${plural(markers, `${imageToken} marker`)} but ${plural(pictures, "picture")}`,
    markersHint(record, markers, pictures),
  );
}

function markersHint({ unreadKeys: [unread] = [] }: DataRecord, markers: number, pictures: number): string {
  if (pictures === 0 && unread !== undefined) return `Its pictures seem to be under ${unread}: call that image`;
  if (markers === 0) return "Say with a marker where each stands: there are several pictures and several questions";
  return markers > pictures ? "Add the file or remove a marker" : "Add a marker or remove the file";
}

/** There is an answer, and it has to leave something to learn within `maxLength`; so have blanks and a revision.
 *  @returns positions of the whole sample, pictures expanded
 *  @throws SampleError when nothing is left, unless the rules have it learnt */
export function assertAnswerFits(
  text: Revised,
  { tokenizer, settings }: SampleContext,
  positionsOf: (visual: number) => number,
): number {
  const { maxLength, rules, template } = settings;
  const answers = answerSpans(tokenizer, text);
  // In a form the header of the answer has no label.
  const hasAnswer = answerSpans(tokenizer, { ids: text.ids, labels: text.ids }).length > 0;
  if (!hasAnswer && template !== "llada_plain" && rules.nothingToLearn === "refused") {
    throw new SampleError("form", "has no answer (a turn from gpt or assistant)", "Add it, or remove the record");
  }
  let length = 0;
  let pictures = 0;
  const places = text.ids.map((id) => {
    const place = length;
    length += id === imagePlaceholder ? positionsOf(pictures++) : 1;
    return place;
  });
  if (length <= maxLength || rules.nothingToLearn === "learnt") return length;
  const fits = (position: number) => (places[position] ?? 0) < maxLength;
  if (answers.length > 0 && !answers.some(({ start, end }) => start < end && fits(start))) {
    throw new SampleError(
      "length",
      `its answer starts at position ${places[answers[0]?.start ?? 0]}, beyond max_length ${maxLength}`,
      "Raise max_length, or use fewer or smaller pictures",
    );
  }
  if (!text.labels.some((label, position) => label !== ignoredLabel && fits(position))) {
    throw new SampleError("length", `all that is learnt lies beyond max_length ${maxLength}`, "Raise max_length");
  }
  if (text.revise.includes(true) && !text.revise.some((marked, position) => marked && fits(position))) {
    throw new SampleError("length", `all phrases to revise lie beyond max_length ${maxLength}`, "Raise max_length");
  }
  return length;
}

/** Flawed text without a position to mend would be learnt as if it were right.
 *  @throws SampleError when no pair can be used, unless the rules have the text learnt */
export function assertPairUsed({ outcomes, revise }: Revised, { settings }: SampleContext): void {
  if (outcomes.length === 0 || revise.includes(true) || settings.rules.nothingToLearn === "learnt") return;
  const count = (wanted: PairOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  const [missing, differing] = [count("not_found"), count("length_differs")];
  const reasons = [
    ...(missing > 0 ? [`${missing} not found in the answer`] : []),
    ...(differing > 0 ? [`${differing} of unequal token counts`] : []),
  ];
  throw new SampleError("revise", `none of its revise pairs can be used (${reasons.join(", ")})`);
}

export const countPlaceholders = (ids: readonly number[]): number => ids.filter((id) => id === imagePlaceholder).length;

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
