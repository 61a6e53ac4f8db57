/** A description, or an answer: read off its decoding up to the end of the turn, or to the first stop text. */
import type { Decoding } from "../../diffusion/decoder.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Description, TokenEdit } from "../answers.js";
import { StablePrefix, stableLength } from "../forming/stable-prefix.js";
import type { DescribeRequest } from "../resolve.js";
import type { AnswerReader } from "./answer-reader.js";

export function describing(
  tokenizer: Tokenizer,
  { stop, decode, unread, draftUnread, suffixUnread, quantization }: DescribeRequest,
  onText: ((text: string) => void) | undefined,
): AnswerReader<Description> {
  const stable = new StablePrefix(tokenizer, stop);
  // Decoding tokens to text takes longer than a small model's step: only where somebody looks at it.
  const isRead = onText !== undefined || stop.length > 0;
  const edits: TokenEdit[] = [];
  const give = (text: string) => {
    if (text !== "") onText?.(text);
  };
  return {
    watch(decoding) {
      edits.push(...editsOf(tokenizer, decoding));
      if (isRead && decoding.step !== undefined) give(stable.advance(decoding.step.tokens, stableLength(decoding)));
      return stable.stopped;
    },
    read({ result, step }, seconds) {
      // A result has the suffix behind the answer.
      const answer = result?.tokens.slice(0, result.tokens.length - decode.suffix.length);
      const written = answer ?? [...(step?.tokens ?? [])].slice(0, stable.tokens);
      give(stable.finish(written));
      const kept = stable.stopped ? tokensOf(tokenizer, written, stable.text) : written;
      const tokenIds = [...kept, ...decode.suffix];
      const skipSpecialTokens = !decode.compat;
      const text = stable.stopped
        ? stable.text + tokenizer.decode(decode.suffix, { skipSpecialTokens })
        : tokenizer.decode(tokenIds, { skipSpecialTokens });
      return {
        text,
        tokenIds,
        steps: result?.steps ?? (step?.step ?? -1) + 1,
        seconds,
        tokensPerSecond: tokenIds.length / seconds,
        edits,
        stopped: stable.stopped || (result?.stopped ?? false),
        unread: [...unread],
        draftUnread: [...draftUnread],
        suffixUnread: [...suffixUnread],
        ...(quantization && { quantization }),
      };
    },
  };
}

function editsOf(tokenizer: Tokenizer, { step }: Decoding): TokenEdit[] {
  return (step?.revised ?? []).map(({ position, from, to }) => ({
    step: step?.step ?? 0,
    position,
    from: tokenizer.decode([from]),
    to: tokenizer.decode([to]),
    fromId: from,
    toId: to,
  }));
}

/** Those that `text`, the beginning of their text, needs. */
function tokensOf(tokenizer: Tokenizer, tokens: readonly number[], text: string): number[] {
  const isEnough = (count: number) =>
    tokenizer.decode(tokens.slice(0, count), { skipSpecialTokens: true }).startsWith(text);
  let [least, most] = [0, tokens.length];
  // More tokens hold the text too, so the smallest number is found by halving.
  while (least < most) {
    const middle = (least + most) >> 1;
    if (isEnough(middle)) most = middle;
    else least = middle + 1;
  }
  return tokens.slice(0, least);
}
