/** A repaired text: proofread in rounds, and read as edits of the draft's characters. */
import { proofread } from "../../diffusion/proofread.js";
import { textEdits } from "../../text/text-edits.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Refinement } from "../answers.js";
import type { RefineRequest } from "../resolve.js";
import type { AnswerReader } from "./answer-reader.js";

export function refining(tokenizer: Tokenizer, request: RefineRequest): AnswerReader<Refinement> {
  const { rounds, threshold, decode } = request;
  const confidence = new Float64Array(decode.draft.length).fill(1);
  return {
    loop: proofread({ rounds, threshold }),
    watch({ step }) {
      for (const { position } of step?.revised ?? []) confidence[position] = step?.confidence[position] as number;
      return false;
    },
    read({ canvas, result }, seconds) {
      const { text, edits } = textEdits(tokenizer, decode.draft, canvas.answer(), confidence);
      return { text, edits, rounds: result?.steps ?? 0, seconds };
    },
  };
}
