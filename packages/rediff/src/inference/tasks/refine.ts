/** A repaired text: proofread in rounds, and read as edits of the draft as it was typed. */
import { proofread } from "../../diffusion/proofread.js";
import type { AlignedText } from "../../text/alignment/aligned-text.js";
import { alignedEdits } from "../../text/text-edits.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Refinement } from "../answers.js";
import type { RefineRequest } from "../resolve.js";
import type { GivenToken } from "../trace-format.js";
import type { AnswerReader } from "./answer-reader.js";

export function refining(tokenizer: Tokenizer, request: RefineRequest): AnswerReader<Refinement> {
  const { rounds, threshold, keep, decode, draft, unread, quantization } = request;
  const confidence = new Float64Array(decode.draft.length).fill(1);
  return {
    loop: proofread({ rounds, threshold, keep }),
    given: typedTokens(draft),
    watch({ step }) {
      for (const { position } of step?.revised ?? []) confidence[position] = step?.confidence[position] as number;
      return false;
    },
    read({ canvas, result }, seconds) {
      const { text, edits } = alignedEdits(tokenizer, draft, canvas.answer(), confidence);
      const texts = { text, edits, unread: [...draft.unread], promptUnread: [...unread] };
      return { ...texts, rounds: result?.steps ?? 0, seconds, ...(quantization && { quantization }) };
    },
  };
}

/** The draft as it was typed, cut behind each token: what stands between two goes with the second. */
function typedTokens({ text, ids, spans }: AlignedText): GivenToken[] {
  return spans.map(({ end }, position) => {
    const from = spans[position - 1]?.end ?? 0;
    const to = position === spans.length - 1 ? text.length : Math.max(end, from);
    return { position, token: text.slice(from, to), id: ids[position] as number };
  });
}
