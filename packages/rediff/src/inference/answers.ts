/** What comes out of a request, as the library, the command line and the server give it. */
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

export interface Description {
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
}

/** A repaired text: `applyEdits(draft, edits)` is `text`. */
export interface Refinement {
  text: string;
  edits: TextEdit[];
  rounds: number;
  seconds: number;
}

export interface Filling extends FilledText {
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
