/** Memory that requests take beside the weights, judged before a request has any of it: one that does not fit by itself is
 *  refused, and one that does not fit beside others waits for them. */
import { keptMemory } from "@rediff/torch";
import { availableMemory, gib, workingBytes } from "../../checkpoint/memory.js";
import { plannedBytes } from "../../diffusion/cache/decoding-cache.js";
import { OptionError, option, type Wording, wording } from "../../errors.js";
import type { Model } from "../../models/llava/llava.js";
import type { LaidOut } from "../../vision/tiles/token-layout.js";
import type { ResolvedRequest } from "../resolve.js";
import { promptLength } from "./room.js";

/** What a request will need. */
export interface RequestNeed {
  /** Rows of a pass over all of it, and those that go through the head. With guidance there are two sequences. */
  rows: number;
  asked: number;
  /** Tiles of its largest picture. */
  tiles: number;
  /** Of the cache that it asks for. */
  cacheBytes: number;
}

/** Bytes that there are. */
export interface MemoryRoom {
  all: number;
  /** Of it, for caches. */
  caches: number;
}

/** What is free in main memory, half of it for caches: the other half is the passes'. A GPU's allocator does not say what
 *  it has, and says well itself what it has not.
 *  @param given where whoever runs the model has said it */
export function memoryRoom({ device, memoryCheck }: Model, given: Partial<MemoryRoom> = {}): MemoryRoom {
  // What was freed and is kept for the next pass, is there for it.
  const available = device === "cpu" ? availableMemory() + keptMemory().bytes : Number.POSITIVE_INFINITY;
  const all = given.all ?? (memoryCheck === false ? Number.POSITIVE_INFINITY : available);
  return { all, caches: given.caches ?? Math.min(all, available) / 2 };
}

export function needOf(
  model: Pick<Model, "config" | "dtype">,
  { ids, decode }: ResolvedRequest,
  visuals: readonly LaidOut[],
): RequestNeed {
  const { genLength, suffix, cfgScale, cache, compat } = decode;
  const length = promptLength(model.config, ids, visuals) + genLength + suffix.length;
  const isTwofold = cfgScale > 0;
  const sequences = isTwofold ? 2 : 1;
  return {
    rows: sequences * length,
    // The original's rules ask about all, and take their softmax in float64.
    asked: sequences * (compat ? 2 * length : genLength),
    tiles: Math.max(0, ...visuals.map(({ tiles }) => tiles)),
    cacheBytes: cache === undefined ? 0 : plannedBytes(cache, { length, isTwofold }, model.config.llada, model.dtype),
  };
}

/** Bytes of requests that are decoded together. One whose cache has no room is decoded without. */
export function bytesTogether(
  { config, dtype }: Pick<Model, "config" | "dtype">,
  needs: readonly RequestNeed[],
  { caches }: Pick<MemoryRoom, "caches">,
): number {
  let kept = 0;
  for (const { cacheBytes } of needs) if (kept + cacheBytes <= caches) kept += cacheBytes;
  return kept + workingBytes(config, dtype, needs);
}

/** Why a request is refused that does not fit by itself, and what does. */
export function noMemory(
  model: Pick<Model, "config" | "dtype" | "device" | "quantization">,
  { kind }: Pick<ResolvedRequest, "kind">,
  need: RequestNeed,
  room: MemoryRoom,
): OptionError {
  const bytes = bytesTogether(model, [need], room);
  const without = bytesTogether(model, [{ ...need, cacheBytes: 0 }], room);
  const name = kind === "describe" ? "genLength" : kind === "refine" ? "draft" : "template";
  const message = `this request takes about ${gib(bytes)} beside the model, and ${gib(room.all)} are available`;
  const isTheCache = without <= room.all;
  const hint: Wording = [
    ...(isTheCache ? wording`Use ${option("cache")} none (${gib(without)}), ` : ["Use "]),
    `fewer or smaller pictures, a shorter ${kind === "describe" ? "answer" : name}`,
    ...smallerModel(model),
    ...wording`; to try anyway, load the model without the check (${option("memoryCheck")})`,
  ];
  return new OptionError(isTheCache ? "cache" : name, message, hint, { problem: "memory" });
}

/** What is said once where fewer requests are decoded together than may be. */
export function narrowed(
  model: Pick<Model, "config" | "dtype" | "device" | "quantization">,
  { together, batch, bytes, room }: { together: number; batch: number; bytes: number; room: MemoryRoom },
): Wording {
  return [
    ...wording`${together} of ${option("batch")} ${batch} are decoded together, and others wait: one more would take about ${gib(bytes)}, and ${gib(room.all)} are available`,
    ...wording`. Shorter answers, ${option("cache")} none`,
    ...smallerModel(model),
    " let more of them in",
  ];
}

function smallerModel({ dtype, device, quantization }: Pick<Model, "dtype" | "device" | "quantization">): Wording {
  const half = dtype === "float32" ? wording`, a model in ${option("dtype")} bfloat16` : [];
  const rounded =
    device === "cpu" && quantization === undefined ? wording`, a model with ${option("quantize")} int8` : [];
  return [...half, ...rounded];
}
