/** A record as it is learnt from, under the rules of a run: its system text taken out of the turns, markers for its
 *  pictures put where they can stand in one place only; or as the original would understand it. */
import { defaultSystemText, type PromptTemplate, placeImages } from "../../text/chat-template.js";
import { imageToken } from "../../text/image-tokens.js";
import type { Turn } from "../../text/labels.js";
import type { RecordNote } from "../parsing/record-notes.js";
import type { DataRecord } from "./sample.js";
import { SampleError } from "./sample-error.js";
import type { SampleRules } from "./sample-rules.js";

export interface UnderstoodRecord extends DataRecord {
  /** What the model is told before the conversation. */
  system: string;
  notes: RecordNote[];
}

/** Of the settings of samples, what decides. */
export interface ReadingSettings {
  template: PromptTemplate;
  system?: string;
  rules: SampleRules;
}

/** @throws SampleError when it can be understood in more than one way */
export function understand(record: DataRecord, settings: ReadingSettings): UnderstoodRecord {
  const notes = (record.unreadKeys ?? []).map((what): RecordNote => ({ kind: "unread_media", what }));
  if (record.pairKeys !== undefined) notes.push({ kind: "pair", what: record.pairKeys });
  const known = { ...record, system: settings.system ?? defaultSystemText, notes };
  return settings.rules.reading === "original" ? asOriginal(known) : asMeant(known, record, settings.template);
}

/** Only `image` and `video` name anything there, and a first turn that is no question is dropped. */
function asOriginal(record: UnderstoodRecord): UnderstoodRecord {
  const read = { ...record };
  if (read.mediaKey !== undefined) {
    read.images = [];
    delete read.video;
    read.notes.push({ kind: "unread_media", what: read.mediaKey });
  }
  if (record.systemText !== undefined) read.notes.push({ kind: "unread_system", what: "a key of the record" });
  if (record.turns[0]?.role === "system") {
    read.turns = record.turns.slice(1);
    read.notes.push({ kind: "unread_system", what: "its first turn" });
  }
  return read;
}

function asMeant(known: UnderstoodRecord, record: DataRecord, template: PromptTemplate): UnderstoodRecord {
  const { notes } = known;
  if (record.mediaKey !== undefined) notes.push({ kind: "media_key", what: record.mediaKey });
  const { turns, system } = takeSystem(record);
  if (system !== undefined) {
    if (template === "llada_plain") {
      throw new SampleError(
        "template",
        "has a system text, for which template llada_plain has no place",
        "Leave it out",
      );
    }
    notes.push({ kind: "system", what: shown(system) });
  }
  judgeAnswers(record, turns, notes);
  judgeEmptyAnswers(turns, notes);
  const placed = placeMarkers(record, turns);
  if (placed !== turns) notes.push({ kind: "placed", what: countOf(record) });
  return { ...known, turns: placed, system: system ?? known.system };
}

/** System turns at the front, together, as the server takes them. */
function takeSystem({ turns, systemText }: DataRecord): { turns: Turn[]; system?: string } {
  const first = turns.findIndex(({ role }) => role !== "system");
  if (first < 0) throw new SampleError("form", "has a system text and no conversation", "Remove the record");
  const rest = turns.slice(first);
  const late = rest.findIndex(({ role }) => role === "system");
  if (late >= 0) {
    throw new SampleError(
      "form",
      `turn ${late + turns.length - rest.length + 1} of ${turns.length} is from system`,
      "A system text stands before the first question: move it there, or leave it out",
    );
  }
  const said = turns.slice(0, turns.length - rest.length).map(({ content }) => content);
  const text = said.filter((one) => one.trim() !== "").join("\n\n");
  if (text !== "" && systemText !== undefined && systemText !== text) {
    throw new SampleError("form", "has a system turn and another text under system", "Leave one of them out");
  }
  const system = text === "" ? systemText : text;
  if (system?.includes(imageToken)) {
    throw new SampleError("markers", `its system text has ${imageToken}`, "Pictures stand in questions");
  }
  return system === undefined ? { turns: rest } : { turns: rest, system };
}

/** A picture in an answer is seen too late, and `<image>` there may well be a word.
 *  @param notes gets what is told */
function judgeAnswers(record: DataRecord, turns: readonly Turn[], notes: RecordNote[]): void {
  const answers = turns.filter(({ role }) => role === "assistant");
  const isMarked = ({ content }: Turn) => content.includes(imageToken);
  if (countPictures(record) === 0 || !answers.some(isMarked)) return;
  if (!turns.some((turn) => turn.role === "user" && isMarked(turn))) {
    const at = turns.findIndex((turn) => turn.role === "assistant" && isMarked(turn));
    throw new SampleError(
      "markers",
      `${imageToken} stands in an answer (the conversation's turn ${at + 1}), and in no question`,
      "Pictures stand in questions: move it there",
    );
  }
  notes.push({ kind: "in_answer", what: `${imageToken} in an answer` });
}

/** An empty answer teaches to say nothing. Of a conversation that has others, it is told.
 *  @param notes gets what is told */
function judgeEmptyAnswers(turns: readonly Turn[], notes: RecordNote[]): void {
  const first = turns.findIndex(({ role }) => role === "user"); // an answer before it is not learnt
  const answers = turns.filter(({ role }, i) => role === "assistant" && i > first);
  const empty = answers.filter(({ content }) => content.trim() === "").length;
  if (empty === 0) return;
  if (empty === answers.length)
    throw new SampleError(
      "empty",
      empty === 1 ? "its answer is empty" : `all of its ${empty} answers are empty`,
      "Write what is to be learnt, or remove the record",
    );
  notes.push({ kind: "empty_answer", what: "an empty answer" });
}

const countPictures = ({ images, video }: DataRecord): number => images.length + (video === undefined ? 0 : 1);

/** Where nobody says where pictures stand: all of them before the only question, or a single one before the first.
 *  @returns the turns as they are, where nothing is to be placed or nobody can know where */
function placeMarkers(record: DataRecord, turns: Turn[]): Turn[] {
  const count = record.video === undefined ? record.images.length : 1;
  if (record.video !== undefined && isOnlyMarker(turns, videoToken)) {
    return turns.map((turn) => ({ ...turn, content: turn.content.replace(videoToken, imageToken) }));
  }
  const questions = turns.filter(({ role }) => role === "user").length;
  if (count === 0 || questions === 0 || turns.some(({ content }) => content.includes(imageToken))) return turns;
  if (count > 1 && questions > 1) return turns;
  const first = turns.findIndex(({ role }) => role === "user");
  return turns.map((turn, i) => (i === first ? { ...turn, content: placeImages(turn.content, count) } : turn));
}

/** Other trainers' marker of a video. */
const videoToken = "<video>";

const isOnlyMarker = (turns: readonly Turn[], marker: string): boolean =>
  turns.every(({ content }) => !content.includes(imageToken)) &&
  turns.reduce((sum, { content }) => sum + content.split(marker).length - 1, 0) === 1;

const countOf = ({ images, video }: DataRecord): string =>
  video !== undefined ? "a video" : images.length === 1 ? "1 picture" : `${images.length} pictures`;

const shown = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
