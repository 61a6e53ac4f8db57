/** Repairing a text: what is asked of a model, and what comes back. Here nothing computes, so that one text can be
 *  repaired alone (`VisionLanguageModel.refine`) or in a batch with other requests. */
import type { Decoding, Loop } from "./diffusion/decode.js";
import type { DecodeStep } from "./diffusion/denoise.js";
import type { DecodeOptions } from "./diffusion/options.js";
import { proofread } from "./diffusion/proofread.js";
import { UserError } from "./errors.js";
import { checkRefineOptions, decoding, promptIds, type Reader, type RefineOptions } from "./request.js";
import { type TextEdit, textEdits } from "./text/spans.js";
import { specialIds } from "./text/special-ids.js";
import type { Tokenizer } from "./text/tokenizer.js";

export interface RefineRequest {
  /** Ids of the prompt, with -200 for each picture. */
  ids: number[];
  decode: Partial<DecodeOptions>;
  loop: Loop;
  /** To be told of every step. */
  watch: (step: DecodeStep | undefined) => void;
  /** What was changed in the end. */
  read: (decoding: Decoding) => { text: string; edits: TextEdit[] };
}

/** @param pictures of the prompt
 *  @throws UserError when the draft is empty or cannot be written in the model's tokens */
export function refineRequest(
  model: Reader,
  pictures: number,
  draft: string,
  options: RefineOptions = {},
): RefineRequest {
  checkRefineOptions(options);
  // The threshold of decoding is another one.
  const { rounds = 8, threshold = model.config?.defaults.refineThreshold ?? 0, ...asked } = options;
  const { tokenizer } = model;
  const tokens = draftTokens(tokenizer, draft);
  const confidence = new Float64Array(tokens.length).fill(1);
  return {
    ids: promptIds(model, pictures, asked),
    decode: {
      ...decoding(model, asked),
      genLength: tokens.length,
      blockLength: tokens.length,
      steps: 1,
      draft: tokens,
      suffix: [tokenizer.special.eot],
      stop: [],
      // A text has none, however likely a model finds them; the reference's decoding forbids only some.
      banned: options.compat ? [] : [{ ids: [...specialIds(tokenizer)] }],
      revise: true,
    },
    loop: proofread({ rounds, threshold }),
    watch(step) {
      for (const { position } of step?.revised ?? []) confidence[position] = step?.confidence[position] as number;
    },
    read: ({ canvas }) => textEdits(tokenizer, tokens, canvas.answer(), confidence),
  };
}

function draftTokens(tokenizer: Tokenizer, draft: string): number[] {
  const tokens = tokenizer.encode(draft);
  if (tokens.length === 0) throw new UserError("the draft is empty", "Give the text to be repaired.");
  if (tokenizer.decode(tokens) !== draft)
    throw new UserError(
      "the draft cannot be written in the model's tokens without changing it",
      "Remove characters that its tokenizer normalises away.",
    );
  const special = tokens.find((id) => specialIds(tokenizer).has(id));
  if (special !== undefined)
    throw new UserError(`the draft contains the special token ${tokenizer.token(special)}`, "Remove it.");
  return tokens;
}
