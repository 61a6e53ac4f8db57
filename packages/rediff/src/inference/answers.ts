/** What comes out of a request, as the library, the command line and the server give it. */
import type { CacheReport } from "../diffusion/cache/cache-budget.js";
import type { Quantization } from "../models/quantization.js";
import type { UnreadText } from "../text/alignment/aligned-text.js";
import type { TextEdit } from "../text/text-edits.js";
import type { ResolvedRequest } from "./resolve.js";
import type { FilledText } from "./template/template-form.js";
import type { GivenToken } from "./trace-format.js";

/** Known once a request's prompt is encoded and its first forward pass is due. */
export interface Beginning {
  request: ResolvedRequest;
  promptTokens: number;
  imageTokens: number;
  given?: GivenToken[];
}

/** A token that was written and then replaced. */
export interface TokenEdit {
  /** Forward pass and position in the answer, from 0. */
  step: number;
  position: number;
  from: string;
  to: string;
  fromId: number;
  toId: number;
}

/** What is approximate in an answer. */
export interface Approximated {
  /** The approximate options that were on, by name: "fast", "quantize int8", "cache refresh", "rule threshold". Nothing
   *  where there was none. */
  approximate?: string[];
  /** What the model's weights were rounded to: the answer is approximate. */
  quantization?: Quantization;
  /** What became of the cache that was asked for; nothing where none was. */
  cache?: CacheReport;
}

export interface Description extends Approximated {
  /** Up to the end of the turn, or the first stop text. */
  text: string;
  /** Those whose text begins in `text`. */
  tokenIds: number[];
  /** Forward passes. */
  steps: number;
  /** From the pixels to the last token. */
  seconds: number;
  tokensPerSecond: number;
  /** Tokens that were written and then replaced. */
  edits: TokenEdit[];
  /** The end of the turn or a stop text ended it, not its length. */
  stopped: boolean;
  /** What of the question the model cannot read. Offsets count the question's text, without its pictures. */
  unread: UnreadText[];
  /** The same of the draft that it began with: the model writes other words there. */
  draftUnread: UnreadText[];
  /** The same of the suffix: the text does not have it. */
  suffixUnread: UnreadText[];
}

/** A repaired text: `applyEdits(draft, edits)` is `text`. */
export interface Refinement extends Approximated {
  text: string;
  edits: TextEdit[];
  /** What of the draft the model cannot read: it stays as it was. */
  unread: UnreadText[];
  /** The same of the question, without which it judged. */
  promptUnread: UnreadText[];
  rounds: number;
  seconds: number;
}

export interface Filling extends FilledText, Approximated {
  /** What of the question the model cannot read; it filled in without. */
  promptUnread: UnreadText[];
  /** Of the whole template. */
  tokenIds: number[];
  /** Forward passes. */
  steps: number;
  seconds: number;
}

export interface AnswerOfKind {
  describe: Description;
  refine: Refinement;
  fill: Filling;
}
