/** The history of an answer, forward pass by forward pass, in the format of trace-format.ts. */
import type { DecodeStep } from "../diffusion/decode-step.js";
import type { Tokenizer } from "../text/tokenizer.js";
import type { Beginning, Description, Filling, Refinement } from "./answers.js";
import { MASK_TEXT } from "./forming/step-text.js";
import { requestRecord } from "./request-record.js";
import type { ResolvedRequest } from "./resolve.js";
import type { GivenToken, TraceChange, TraceEnd, TraceStart, TraceStep } from "./trace-format.js";

export function traceStart({ request, imageTokens, given }: Beginning): TraceStart {
  const { genLength, steps } = request.decode;
  return {
    type: "start",
    gen_length: genLength,
    steps,
    mask: MASK_TEXT,
    image_tokens: imageTokens,
    ...(given && { given }),
  };
}

export function traceEnd({ text, steps, tokenIds, edits, seconds, stopped, approximate }: Description): TraceEnd {
  const end = { text, steps, tokens: tokenIds.length, edits: edits.length, seconds, stopped };
  return { type: "end", ...end, ...(approximate && { approximate }) };
}

/** Only the tokens of the blanks count. */
export function traceEndOfFilling({ text, steps, tokenIds, seconds, approximate }: Filling, given: number): TraceEnd {
  const end = { text, steps, tokens: tokenIds.length - given, edits: 0, seconds, stopped: false };
  return { type: "end", ...end, ...(approximate && { approximate }) };
}

/** @param tokens of the draft */
export function traceEndOfRefinement(
  { text, rounds, edits, seconds, approximate }: Refinement,
  tokens: number,
): TraceEnd {
  const end = { text, steps: rounds, tokens, edits: edits.length, seconds, stopped: false };
  return { type: "end", ...end, ...(approximate && { approximate }) };
}

/** Makes the steps of one answer's trace.
 *  @param given tokens that are there from the start */
export function tracer(
  tokenizer: Tokenizer,
  request: ResolvedRequest,
  given: readonly GivenToken[] = [],
): (step: DecodeStep, seconds: number) => TraceStep {
  const textOf = tokenTexts(tokenizer);
  const { mask } = tokenizer.special;
  return (step, seconds) => ({
    type: "step",
    step: step.step,
    block: step.block,
    tokens: [...step.tokens],
    confidence: [...step.confidence].map((value) => (Number.isNaN(value) ? null : Number(value.toPrecision(6)))),
    filled: step.filled,
    revised: step.revised,
    // A model may put a mask where a mask was: nothing to see.
    changes: changesOf(step, textOf).filter(({ id }) => id !== mask),
    seconds,
    ...(step.step === 0 && { request: requestRecord(request), ...(given.length > 0 && { given: [...given] }) }),
  });
}

/** In the order of their positions. */
function changesOf(step: DecodeStep, textOf: (id: number, position: number) => string): TraceChange[] {
  const change = (position: number, kind: TraceChange["kind"]): TraceChange => {
    const id = step.tokens[position] as number;
    return { position, token: textOf(id, position), id, confidence: step.confidence[position] as number, kind };
  };
  return [
    ...step.filled.map((position) => change(position, "fill")),
    ...step.revised.map(({ position }) => change(position, "revise")),
  ].sort((a, b) => a.position - b.position);
}

/** The text of a token at a position, such that all of them joined are the text of the answer: with its leading space,
 *  which byte-level vocabularies have in the token and others set between words. Special tokens have their name. */
export function tokenTexts(tokenizer: Tokenizer): (id: number, position: number) => string {
  const [before] = tokenizer.encode("a");
  const prefix = before === undefined ? "" : tokenizer.decode([before]);
  const known = new Map<number, string>();
  return (id, position) => {
    if (position === 0 || before === undefined) return tokenizer.decode([id]);
    const found = known.get(id) ?? tokenizer.decode([before, id]).slice(prefix.length);
    known.set(id, found);
    return found;
  };
}
