/** What is told of a record that is used: how it was understood where that does not follow from the documented form. */

/** Headings of a report. */
export const noteTitles = {
  media_key: "pictures or a video under another key than image or video, which are read",
  placed: "pictures without an <image> marker, put before the first question",
  system: "a system text of its own, in place of the recipe's",
  pair: "a question and an answer as keys of their own, which are read as a conversation",
  empty_answer: "answers without a word beside others, which are learnt as an immediate end",
  in_answer: "pictures that stand in an answer, because it has <image>",
  special_tokens: "spellings of special tokens in the text, which are learnt as text (with compat as those tokens)",
  unread_media: "keys that seem to name pictures or videos and are not read",
  unread_system: "a system text that is left out, as by the original",
} as const;

export type NoteKind = keyof typeof noteTitles;

export interface RecordNote {
  kind: NoteKind;
  /** "images" of a key, or the like; with the kind, what is told once. */
  what: string;
}
