/** One request by itself: a batch of one, watched step by step. */
import type { DecodeStep } from "../diffusion/decode-step.js";
import type { PassProgress } from "../models/chain.js";
import type { KeptFeatures } from "../models/llava/kept-features.js";
import type { Model } from "../models/llava/llava.js";
import type { Visual } from "../vision/tiles/tiles.js";
import type { AnswerOfKind } from "./answers.js";
import { Batcher } from "./batcher.js";
import type { RequestKind, RequestOfKind } from "./resolve.js";
import { type Submission, submission } from "./submission.js";
import type { TraceStep } from "./trace-format.js";

export interface OneAnswer {
  signal?: AbortSignal | undefined;
  onTrace?: ((step: TraceStep) => void) | undefined;
  onLayers?: ((progress: PassProgress) => void) | undefined;
  kept?: KeptFeatures | undefined;
}

/** @throws what is wrong with the request, and the signal's reason between two layers of a pass */
export async function* answerOne<K extends RequestKind>(
  model: Model,
  kind: K,
  request: RequestOfKind[K],
  visuals: readonly Visual[],
  { signal, onTrace, onLayers, kept }: OneAnswer,
): AsyncGenerator<DecodeStep, AnswerOfKind[K]> {
  signal?.throwIfAborted();
  const heard: { step?: DecodeStep | undefined; outcome?: { answer: AnswerOfKind[K] } | { error: unknown } } = {};
  const only = submission(kind, request, visuals, {
    step: (step) => Object.assign(heard, { step }),
    ...(onTrace && { trace: onTrace }),
    answered: (answer) => Object.assign(heard, { outcome: { answer } }),
    failed: (error) => Object.assign(heard, { outcome: { error } }),
  });
  for await (const _ of new Batcher(model, 1, { onLayers, kept }).run(sourceOf(only))) {
    const { step } = heard;
    delete heard.step;
    if (step !== undefined) yield step;
    signal?.throwIfAborted();
  }
  const { outcome } = heard;
  if (outcome === undefined) throw new Error("the batcher ended without an answer");
  if ("error" in outcome) throw outcome.error;
  return outcome.answer;
}

function sourceOf(only: Submission) {
  let next: Submission | "over" = only;
  return {
    take() {
      const taken = next;
      next = "over";
      return taken;
    },
  };
}
