/** What the server and the process that holds the model say to each other.
 *
 *  Both ends are ours, so messages are checked by the compiler, not at run time. They travel as structured clones
 *  (`serialization: "advanced"`): typed arrays stay typed arrays, NaN stays NaN. */
import type { MemoryUse } from "@rediff/torch";
import type { LoadOptions } from "../../checkpoint/load-model.js";
import type { DescribeOptions, pictureOptions, RefineOptions, videoOptions } from "../../inference/request.js";
import type { FillOptions } from "../../inference/tasks/fill.js";
import type { TextEdit } from "../../text/text-edits.js";
import type { PortableError } from "../../threads/portable-error.js";
import type { Visual } from "../../vision/tiles/tiles.js";

export interface LoadRequest {
  folder: string;
  options: LoadOptions;
  threads: number | undefined;
  /** Requests in one forward pass. */
  batch: number;
}

export interface DescribeJob {
  kind: "describe";
  options: Omit<DescribeOptions, "signal">;
  /** Report text as it settles. */
  text: boolean;
  /** Report every forward pass. */
  trace: boolean;
}

export interface RefineJob {
  kind: "refine";
  draft: string;
  options: Omit<RefineOptions, "signal">;
}

export interface FillJob {
  kind: "fill";
  template: string;
  options: Omit<FillOptions, "signal">;
  trace: boolean;
}

export type Job = DescribeJob | RefineJob | FillJob;

export interface DescribeResult {
  kind: "describe";
  text: string;
  /** Tokens of the answer, up to its stop. */
  tokens: number;
  steps: number;
  seconds: number;
  /** A stop ended it, not its length. */
  stopped: boolean;
  /** Tokens that were replaced on the way. */
  edits: number;
}

export interface RefineResult {
  kind: "refine";
  text: string;
  edits: TextEdit[];
  rounds: number;
  seconds: number;
}

export interface FillResult {
  kind: "fill";
  text: string;
  blanks: { start: number; end: number; text: string }[];
  tokens: number;
  steps: number;
  seconds: number;
}

export type JobResult = DescribeResult | RefineResult | FillResult;
export type ResultOf<J extends Job> = Extract<JobResult, { kind: J["kind"] }>;

/** One token that a forward pass wrote. */
export interface TraceChange {
  position: number;
  token: string;
  id: number;
  confidence: number;
  kind: "fill" | "revise";
}

export interface TraceStep {
  type: "step";
  step: number;
  block: number;
  changes: TraceChange[];
  seconds: number;
}

/** Known once a request's prompt is encoded and its first forward pass is due. */
export interface Beginning {
  promptTokens: number;
  imageTokens: number;
  genLength: number;
  /** Forward passes that are planned. */
  steps: number;
  /** Tokens that are there from the start, of a template. */
  given?: { position: number; token: string; id: number }[];
}

export interface Progress {
  id: number;
  /** Text that has settled since the last report. */
  text?: string;
  trace?: TraceStep;
}

/** What the model is, for requests to be judged and pictures to be cut without it. */
export interface ModelFacts {
  /** How they are cut; undefined for a text-only model. */
  picture: ReturnType<typeof pictureOptions> | undefined;
  video: ReturnType<typeof videoOptions> | undefined;
  /** Pixels along a side of a tile; 0 for a text-only model. */
  imageSize: number;
  maxLength: number;
  /** It knows scenes of stickers only. */
  sceneWorld: boolean;
  /** Tokens of an answer, and how pictures are joined to the text, when a request does not say. */
  genLength: number;
  imageJoin: "legacy" | "correct";
  dtype: string;
  device: string;
}

/** One forward pass for all requests in it. */
export interface Turn {
  batch: number;
  /** Tokens written for the first time. */
  filled: number;
  revised: number;
  seconds: number;
}

export type ToModel =
  | { type: "load"; load: LoadRequest }
  | { type: "add"; id: number; job: Job; visuals: Visual[] }
  | { type: "cancel"; id: number };

export type FromModel =
  | { type: "ready"; facts: ModelFacts; memory: MemoryUse }
  | { type: "unloadable"; error: PortableError }
  | { type: "begun"; id: number; beginning: Beginning }
  | { type: "progress"; progress: Progress[] }
  | { type: "turns"; turns: Turn[]; memory: MemoryUse }
  | { type: "done"; id: number; result: JobResult }
  | { type: "failed"; id: number; error: PortableError };
