/** The one format of traces: of `--trace`, of the server's answers and streams, and of the studio, which imports these
 *  types. Names are those of the JSON. This file imports nothing, so that a page can.
 *
 *  A step says the whole answer after it and what it changed, so that a trace can be read from any line on. */

/** A token that is there from the start: of a template, which stays, or of a draft. */
export interface GivenToken {
  /** In the answer, from 0. */
  position: number;
  /** Its text, with its leading space. */
  token: string;
  id: number;
}

/** One token that a forward pass wrote. */
export interface TraceChange {
  /** In the answer, from 0. */
  position: number;
  /** Its text: the texts of all positions, joined, are the answer's. The name of a special token. */
  token: string;
  id: number;
  /** 0 to 1. */
  confidence: number;
  kind: "fill" | "revise";
}

export interface TraceStart {
  type: "start";
  gen_length: number;
  /** Forward passes that are planned; an answer may end before. */
  steps: number;
  /** What stands for a token that is not there yet. */
  mask: string;
  image_tokens: number;
  given?: GivenToken[];
}

/** One forward pass. */
export interface TraceStep {
  type: "step";
  step: number;
  block: number;
  /** Ids of the whole answer after the step, masks included. */
  tokens: number[];
  /** Of the prediction for each position; null where none was asked for. */
  confidence: (number | null)[];
  /** Positions filled. */
  filled: number[];
  /** Positions whose token was replaced. */
  revised: { position: number; from: number; to: number }[];
  /** What there is to see of that. */
  changes: TraceChange[];
  seconds: number;
  /** In the first step of an answer: what was asked, with nothing left open. */
  request?: RequestRecord;
  /** In the same: as the start has it, since files of steps have no start. */
  given?: GivenToken[];
}

export interface TraceEnd {
  type: "end";
  text: string;
  steps: number;
  tokens: number;
  edits: number;
  seconds: number;
  stopped: boolean;
  /** Names of the approximate options that were on: "cache refresh", "rule threshold", "quantize int8". Nothing where
   *  none was. */
  approximate?: string[];
}

export type TraceEvent = TraceStart | TraceStep | TraceEnd;

/** What became of a cache that was asked for. */
export interface CacheReportRecord {
  kind: "refresh" | "fast-dllm" | "dllm-cache";
  /** False where there was no memory for it: decoded without. */
  on: boolean;
  full_passes: number;
  cached_passes: number;
  rows_computed: number;
  rows_kept: number;
  bytes: number;
  certified?: boolean;
}

/** What in an answer is approximate, as JSON has it. */
export interface ApproximatedRecord {
  /** Names of the approximate options that were on; missing where none was. */
  approximate?: string[];
  /** What the weights are rounded to. */
  quantize?: string;
  /** Missing where none was asked for. */
  cache?: CacheReportRecord;
}

export type CacheRecord =
  | { kind: "refresh"; every: number; changed: number; certify: boolean }
  | { kind: "fast-dllm"; every: number }
  | { kind: "dllm-cache"; prompt_interval: number; gen_interval: number; transfer_ratio: number };

/** A complete request: every option as it was used. What follows from it by the model's own files (prompt ids, tokens banned
 *  from blanks) is left out. */
export interface RequestRecord {
  kind: "describe" | "refine" | "fill";
  messages: { role: string; content: string | null }[];
  system: string;
  conversation: string;
  image_join: string;
  colors: string;
  grey16: string;
  auto_orient: boolean;
  max_pixels: number;
  video_frames: number;
  gen_length: number;
  block_length: number;
  steps: number;
  threshold: number | null;
  temperature: number;
  cfg_scale: number;
  remasking: string;
  revise: boolean;
  revise_topk: number | null;
  revise_start: number;
  revise_rest?: boolean;
  confidence_among?: string;
  /** Where it is not the schedule, with its numbers but the threshold. */
  rule?: string;
  factor?: number;
  entropy_bound?: number;
  edit_threshold?: number;
  post_edit_steps?: number;
  seed: number;
  compat: boolean;
  /** "int8" or "int4" where the model's weights are rounded: the answer is approximate. */
  quantize?: string;
  /** Rule and cache were asked for under this name. */
  fast?: true;
  special_tokens: boolean;
  cache: CacheRecord | null;
  /** Texts that end the answer, and token sequences that do. */
  stop: string[];
  stop_ids: number[][];
  /** Tokens that the answer begins with, masks among them, and those of them that stay. */
  draft_ids: number[];
  fixed: number[];
  suffix_ids: number[];
  /** Of a refinement. */
  draft?: string;
  rounds?: number;
  refine_threshold?: number;
  /** Absent is 1. */
  refine_keep?: number;
}
