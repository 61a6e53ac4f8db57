/** Forward passes as a page shows them: which positions were written, with what text and how sure. */
import type { DecodeStep } from "../diffusion/decode-step.js";
import type { TraceChange, TraceStep } from "../serving/engine/protocol.js";
import type { Tokenizer } from "../text/tokenizer.js";

/** What stands for a token that is not there yet. */
export const MASK_TEXT = "\u2591";

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

export function traceStep(
  step: DecodeStep,
  maskId: number,
  textOf: (id: number, position: number) => string,
  seconds: number,
): TraceStep {
  const change = (position: number, kind: TraceChange["kind"]): TraceChange => {
    const id = step.tokens[position] as number;
    return { position, token: textOf(id, position), id, confidence: step.confidence[position] as number, kind };
  };
  const changes = [
    ...step.filled.map((position) => change(position, "fill")),
    ...step.revised.map(({ position }) => change(position, "revise")),
  ];
  // A model may put a mask where a mask was: nothing to see.
  const visible = changes.filter(({ id }) => id !== maskId).sort((a, b) => a.position - b.position);
  return { type: "step", step: step.step, block: step.block, changes: visible, seconds };
}
