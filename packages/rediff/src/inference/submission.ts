/** A complete request with its pictures and those who listen to it: what the batcher is given. */
import type { Tensor } from "@rediff/torch";
import type { DecodeStep } from "../diffusion/decode-step.js";
import type { Decoding, Loop } from "../diffusion/decoder.js";
import type { Pieces } from "../models/chain.js";
import { promptPieces } from "../models/llava/assembly.js";
import type { KeptFeatures } from "../models/llava/kept-features.js";
import type { Model } from "../models/llava/llava.js";
import { imagePlaceholder } from "../text/image-tokens.js";
import type { Tokenizer } from "../text/tokenizer.js";
import type { Visual } from "../vision/tiles/tiles.js";
import type { AnswerOfKind, Beginning } from "./answers.js";
import { approximations } from "./limits/fast-preset.js";
import { type MemoryRoom, needOf, noMemory, type RequestNeed } from "./limits/memory-room.js";
import { assertRoom } from "./limits/room.js";
import type { RequestKind, RequestOfKind, ResolvedRequest } from "./resolve.js";
import type { AnswerReader } from "./tasks/answer-reader.js";
import { describing } from "./tasks/describe.js";
import { filling } from "./tasks/fill.js";
import { refining } from "./tasks/refine.js";
import { tracer } from "./trace.js";
import type { TraceStep } from "./trace-format.js";

/** Who asked. An answer or an error comes last, and once. */
export interface Listener<A> {
  begun?(beginning: Beginning): void;
  /** After every forward pass. */
  step?(step: DecodeStep): void;
  trace?(step: TraceStep): void;
  /** Text that will not change any more. */
  text?(text: string): void;
  answered(answer: A): void;
  failed(error: unknown): void;
}

/** A request that has its place in the batch. */
export interface BegunAnswer {
  /** [P, D]; whoever begins frees it. */
  prompt: Tensor;
  request: ResolvedRequest;
  loop: Loop | undefined;
  beginning: Beginning;
  /** @param seconds of the forward pass. @returns whether the answer is over before its length */
  watch(decoding: Decoding, seconds: number): boolean;
  finish(decoding: Decoding, seconds: number): void;
}

export interface Submission {
  /** Counted before anything is encoded. */
  need(model: Model): RequestNeed;
  /** What to say where there is too little memory for it alone. */
  refusal(model: Model, need: RequestNeed, room: MemoryRoom): Error;
  /** Encodes the pictures, piece by piece: others may have their turn between two.
   *  @param kept has those that were encoded before
   *  @throws UserError when the prompt is too long */
  begin(model: Model, kept?: KeptFeatures): Pieces<BegunAnswer>;
  begun(beginning: Beginning): void;
  failed(error: unknown): void;
}

type ReaderOf<K extends RequestKind> = (
  tokenizer: Tokenizer,
  request: RequestOfKind[K],
  onText: ((text: string) => void) | undefined,
) => AnswerReader<AnswerOfKind[K]>;

const readers: { [K in RequestKind]: ReaderOf<K> } = { describe: describing, refine: refining, fill: filling };

export function submission<K extends RequestKind>(
  kind: K,
  request: RequestOfKind[K],
  visuals: readonly Visual[],
  listener: Listener<AnswerOfKind[K]>,
): Submission {
  return {
    begun: (beginning) => listener.begun?.(beginning),
    failed: (error) => listener.failed(error),
    need: (model) => needOf(model, request, visuals),
    refusal: (model, need, room) => noMemory(model, request, need, room),
    *begin(model, kept) {
      const { tokenizer } = model;
      const onText = listener.text && ((text: string) => listener.text?.(text));
      const reader = readers[kind](tokenizer, request, onText);
      const traced = listener.trace && tracer(tokenizer, request, reader.given);
      const { genLength, suffix } = request.decode;
      assertRoom(model.config, request, visuals);
      const prompt = yield* promptPieces(model, request.ids, visuals, genLength + suffix.length, kept);
      const promptTokens = prompt.size(0);
      const textTokens = request.ids.filter((id) => id !== imagePlaceholder).length;
      const { given } = reader;
      return {
        prompt,
        request,
        loop: reader.loop,
        beginning: { request, promptTokens, imageTokens: promptTokens - textTokens, ...(given && { given }) },
        watch(decoding, seconds) {
          const isOver = reader.watch(decoding);
          if (decoding.step === undefined) return isOver;
          listener.step?.(decoding.step);
          if (traced) listener.trace?.(traced(decoding.step, seconds));
          return isOver;
        },
        finish(decoding, seconds) {
          const { cacheReport: cache } = decoding;
          const approximate = approximations(request, (cache?.rowsKept ?? 0) > 0);
          listener.answered({
            ...reader.read(decoding, seconds),
            ...(approximate.length > 0 && { approximate }),
            ...(cache && { cache }),
          });
        },
      };
    },
  };
}
