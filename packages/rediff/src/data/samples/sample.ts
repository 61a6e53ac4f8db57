/** What flows from the data files to a training step. */

import type { Turn } from "../../text/labels.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import type { RecordNote } from "../parsing/record-notes.js";

/** Where a record came from, for messages that a person can act on. */
export interface SampleSource {
  file: string;
  /** Place among the file's records, from 0. */
  index: number;
  /** Line in a JSONL file, from 1. */
  line?: number;
  id?: string;
}

/** A wrong phrase of the answer and what it should say (ReDiff): `org` stands in the text, `target` is learnt. */
export interface ReviseSpan {
  org: string;
  target: string;
}

/** A picture or video: a name to look up in the media folders, or the bytes themselves (WebDataset, parquet). */
export type Media = string | { name: string; bytes: Uint8Array };

/** One record of the training data, checked for its form, with nothing opened yet. */
export interface DataRecord {
  source: SampleSource;
  turns: Turn[];
  images: Media[];
  video?: Media;
  revise: ReviseSpan[];
  /** The key that names the pictures or the video, where it is not `image` or `video`. */
  mediaKey?: string;
  /** The keys that hold question and answer, where there is no list of turns. */
  pairKeys?: string;
  /** What stands under `system`. */
  systemText?: string;
  /** Keys that seem to name pictures or videos, of a record that has none. */
  unreadKeys?: string[];
  /** Characters of the only answer that are to be filled in; absent where all of it is. */
  blanks?: (readonly [start: number, end: number])[];
}

/** What the model learns from: a sequence of tokens, still without padding, and the pictures for its placeholders. */
export interface TrainingSample {
  /** Token ids, -200 where a picture or video goes in. */
  ids: number[];
  /** One per id: the id to be predicted, or -100. */
  labels: number[];
  /** One per id: true where a wrong token stands that ReDiff learns to replace by its label. */
  revise: boolean[];
  visuals: Visual[];
  modality: "image" | "video" | "text";
  source: SampleSource;
  /** How the record was understood, where that is worth telling. */
  notes?: RecordNote[];
}
