/** What the server and the process that holds the model say to each other.
 *
 *  Both ends are ours, so messages are checked by the compiler, not at run time. They travel as structured clones
 *  (`serialization: "advanced"`): typed arrays stay typed arrays, NaN stays NaN. */
import type { MemoryUse } from "@rediff/torch";
import type { LoadOptions } from "../../checkpoint/load-model.js";
import type { AnswerOfKind, Beginning } from "../../inference/answers.js";
import type { ForwardPass } from "../../inference/batcher.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { AskedOfKind } from "../../inference/request.js";
import type { RequestKind, ResolvedRequest } from "../../inference/resolve.js";
import type { TraceStep } from "../../inference/trace-format.js";
import type { PassProgress } from "../../models/chain.js";
import type { KeptUse } from "../../models/llava/kept-features.js";
import type { PortableError } from "../../threads/portable-error.js";
import type { Visual } from "../../vision/tiles/tiles.js";

export interface LoadRequest {
  folder: string;
  options: LoadOptions;
  threads: number | undefined;
  /** Requests in one forward pass. */
  batch: number;
  /** Bytes of pictures' features that are kept for the next question; default as the library has it. */
  keptBytes?: number | undefined;
  /** For their caches. */
  cacheBytes: number | undefined;
  /** For all of theirs beside the weights. */
  memoryBytes?: number | undefined;
}

/** What of a request's progress somebody wants to hear. */
interface Heard {
  /** Text as soon as it is stable. */
  text: boolean;
  /** Every forward pass. */
  trace: boolean;
}

/** What is asked. */
export interface Job<K extends RequestKind = RequestKind> extends Heard {
  asked: AskedOfKind[K];
  /** Of a description: its length may be cut to what there is room for. Tokens of a usual answer. */
  usualLength?: number;
  /** Tokens that an answer may have at most. */
  longest?: number | undefined;
}

/** The same as the model's process gets it: tokenized, complete, and such that it fits. */
export interface ReadyJob extends Heard {
  request: ResolvedRequest;
}

/** A visual whose pixels follow. */
export type VisualHead = Omit<Visual, "pixels">;

/** Some of a visual's pixels. Sent in pieces, as taking in all of a large request at once would keep a step waiting. */
export interface PixelPiece {
  id: number;
  /** Which of the visuals. */
  visual: number;
  /** Byte in its pixels. */
  start: number;
  pixels: Uint8Array;
}

/** Bytes of a piece. */
export const PIECE_BYTES = 1 << 20;

export type Answer = AnswerOfKind[RequestKind];

export interface Progress {
  id: number;
  /** Text that has become stable since the last report. */
  text?: string;
  trace?: TraceStep;
}

/** What the server knows of its model. */
export interface ServedFacts extends ModelFacts {
  dtype: string;
  device: string;
}

export type ToModel =
  | { type: "load"; load: LoadRequest }
  | { type: "add"; id: number; job: ReadyJob; visuals: VisualHead[] }
  | ({ type: "pixels" } & PixelPiece)
  | { type: "cancel"; id: number };

export type FromModel =
  | { type: "ready"; facts: ServedFacts; memory: MemoryUse }
  | { type: "unloadable"; error: PortableError }
  | { type: "begun"; id: number; beginning: Omit<Beginning, "request"> }
  | { type: "progress"; progress: Progress[] }
  // Of a pass that takes long, or the pictures of a request; for those whose answers it is for.
  | { type: "layers"; ids: number[]; progress: PassProgress }
  | {
      type: "passes";
      passes: ForwardPass[];
      memory: MemoryUse;
      kept: KeptUse;
      cacheBytes: number;
      keptGraphs: number;
    }
  | { type: "done"; id: number; answer: Answer }
  | { type: "failed"; id: number; error: PortableError };
